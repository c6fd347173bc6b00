"""The hosts that kernels may reach: names that the operator lists, at public addresses.

The owner of an allowed name can let it resolve to any address. So the address is checked as well,
and the connection goes to that same address.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable

from attrs import frozen

from sagecell_tx.config import ConfigError
from sagecell_tx.wire.proxywire import Destination, plain_host


class Unreachable(Exception):
    """A destination that cannot be reached or is not allowed.

    `status` is the HTTP status of the answer, `sentence` is for the visitor.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


_NAME = re.compile(r"(?:[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z][a-z0-9-]{0,62}")

#: The global unicast addresses that are allocated. Source: RFC 4291, section 2.4; IANA.
_UNICAST = ipaddress.IPv6Network("2000::/3")


@frozen
class AllowList:
    """The allowed hosts, and the ports allowed on each of them.

    A host is a name, an address, or ``*.`` followed by the end of names.
    """

    _exact: frozenset[str]
    _endings: tuple[str, ...]
    _ports: frozenset[int]

    @classmethod
    def of(cls, hosts: Iterable[str], ports: Iterable[int]) -> AllowList:
        """The list for the settings ``network`` and ``network_ports``; raises `ConfigError`."""
        exact, endings = set(), []
        for entry in hosts:
            host = plain_host(entry.removeprefix("*."))
            if not _NAME.fullmatch(host) and (entry.startswith("*.") or not _is_address(host)):
                raise ConfigError(
                    f"network: expected the name of a host or its address, not {entry!r}"
                )
            if entry.startswith("*."):
                endings.append(f".{host}")
            else:
                exact.add(host)
        found = frozenset(ports)
        if not found or not all(0 < port < 65536 for port in found):
            raise ConfigError("network_ports: expected numbers of ports, from 1 to 65535")
        return cls(frozenset(exact), tuple(endings), found)

    @property
    def names(self) -> list[str]:
        """The allowed hosts, as the setting writes them."""
        return [*sorted(self._exact), *(f"*{ending}" for ending in self._endings)]

    def objection(self, to: Destination) -> str:
        """A sentence that says why this destination is not allowed; "" if it is."""
        host = to.host
        if host not in self._exact and (_is_address(host) or not host.endswith(self._endings)):
            return f"{host} is not among the hosts that programs here may reach."
        if to.port not in self._ports:
            ports = " and ".join(str(port) for port in sorted(self._ports))
            return f"Programs here may reach no port of {host} but {ports}."
        return ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_public(text: str) -> bool:
    """Whether an address is public: global unicast, and not this machine's own.

    IPv6 addresses that contain an IPv4 address are not.
    """
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        # These contain an IPv4 address, which would have to be checked as well.
        tunnelled = address.sixtofour is not None or address.teredo is not None
        if tunnelled or address not in _UNICAST:
            return False
    return address.is_global and not address.is_multicast and not is_ours(text)


def is_ours(text: str) -> bool:
    """Whether this machine has the address, which is then also the source of packets to it."""
    address = ipaddress.ip_address(text)
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as any_socket:
            # Only looks up the route; sends no packet.
            any_socket.connect((text, 9))
            here = any_socket.getsockname()[0]
    except OSError:
        return False
    return ipaddress.ip_address(here) == address
