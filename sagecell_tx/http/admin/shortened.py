"""What operators see of visitors: enough to tell them apart, and no more."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

#: Characters of a kernel's id that are shown: whoever has all of it can use the kernel.
SHOWN = 8


def short_id(kernel_id: str) -> str:
    """The beginning of a kernel's id."""
    return kernel_id if len(kernel_id) <= SHOWN else f"{kernel_id[:SHOWN]}…"


def short_address(address: str) -> str:
    """The /24 of an IPv4 address or network, the /48 of an IPv6 one; anything else as it is."""
    first = address.partition("/")[0]
    try:
        bits = 48 if isinstance(ip_address(first), IPv6Address) else 24
        return str(ip_network(f"{first}/{bits}", strict=False))
    except ValueError:
        return address
