"""What neither a line of the log nor the admin page may have: ids and tokens by which others could take part, whole addresses.

It is removed from the text of a line, whoever wrote it, so that no line can be forgotten. An id is shortened in the same way
everywhere, so that an operator finds what the page shows in the log.
"""

from __future__ import annotations

import re
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

#: The bits of an address that are kept, of IPv4 and of IPv6.
_BITS_4, _BITS_6 = 24, 48

#: The characters that are kept of a kernel's id that is no UUID.
_SHOWN = 8

#: A UUID, as all ids of kernels are, perhaps with escaped hyphens. Whoever knows one has the kernel. Those of version 8
#: begin with the number of a server, so that more of them is needed to tell one from another.
_ID = re.compile(
    r"([0-9a-f]{8}(?:(?:-|%2d)[0-9a-f]{4}(?=(?:-|%2d)8))?)"
    r"(?:(?:-|%2d)[0-9a-f]{4}){2,3}(?:-|%2d)[0-9a-f]{12}",
    re.IGNORECASE,
)

#: A token in a query, escaped or not, in a header, or in the name of a WebSocket's protocol.
_TOKEN = re.compile(
    r"((?:[?&;]|%3f|%26)(?:access_)?token(?:=|%3d)|\bbearer\s+|\bauthorization:\s*token\s+"
    r"|\bv1\.token\.websocket\.jupyter\.org\.)[^\s&;\"'<>]+",
    re.IGNORECASE,
)

_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\w)", re.ASCII)

#: An IPv6 address that is not local to the machine begins with three digits at least, or has an IPv4 one.
_IPV6 = re.compile(
    r"(?<![\w:.])(?:[0-9a-f]{3,4}|::ffff):[0-9a-f:]{2,35}(?:\d{0,3}(?:\.\d{1,3}){3})?",
    re.IGNORECASE,
)


def redacted(text: str, *, addresses: bool = True) -> str:
    """`text` with ids shortened and tokens blank, and with `addresses` also those of networks only."""
    text = _ID.sub(r"\1-...", text)
    text = _TOKEN.sub(r"\1...", text)
    if addresses:
        text = _IPV6.sub(_network, text)
        text = _IPV4.sub(_network, text)
    return text


def short_id(kernel_id: str) -> str:
    """A kernel's id, as lines of the log have it."""
    shown = redacted(kernel_id, addresses=False)
    if shown == kernel_id and len(kernel_id) > _SHOWN:
        return f"{kernel_id[:_SHOWN]}-..."
    return shown


def short_address(address: str) -> str:
    """The network of an address, or of a smaller network, with the length of its prefix; anything else as it is."""
    try:
        return str(_network_of(ip_address(address.partition("/")[0])))
    except ValueError:
        return address


def _network_of(address: IPv4Address | IPv6Address) -> IPv4Network | IPv6Network:
    bits = _BITS_4 if isinstance(address, IPv4Address) else _BITS_6
    return ip_network((address, bits), strict=False)


def _network(match: re.Match[str]) -> str:
    """The first address of the network; anything else stays, and so does an address of this machine."""
    word = match[0]
    text = word.rstrip(":") if word.endswith(":") and not word.endswith("::") else word
    try:
        address: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return word
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback or address.is_unspecified:
        return word
    return f"{_network_of(address).network_address}{word[len(text) :]}"
