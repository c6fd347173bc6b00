"""Which hosts kernels may reach: names that the operator lists, at addresses of the public.

A name that is allowed may still lead anywhere: whoever owns it says where. So the address
counts too, and it is the one that is then connected to.
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
    """A destination that a program does not get to.

    `status` is that of the answer, the text a sentence for the visitor.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


_NAME = re.compile(r"(?:[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z][a-z0-9-]{0,62}")

#: What of IPv6 is given out to the public. Source: RFC 4291, section 2.4; IANA.
_UNICAST = ipaddress.IPv6Network("2000::/3")


@frozen
class AllowList:
    """Names, ``*.`` and the end of names, or addresses; and ports."""

    _exact: frozenset[str]
    _endings: tuple[str, ...]
    _ports: frozenset[int]

    @classmethod
    def of(cls, hosts: Iterable[str], ports: Iterable[int]) -> AllowList:
        """From the settings ``network`` and ``network_ports``; raises `ConfigError`."""
        exact, endings = set(), []
        for entry in hosts:
            host = plain_host(entry.removeprefix("*."))
            if not _NAME.fullmatch(host) and (entry.startswith("*.") or not _is_address(host)):
                raise ConfigError(f"network: expected the name of a host, not {entry!r}")
            if entry.startswith("*."):
                endings.append(f".{host}")
            else:
                exact.add(host)
        found = frozenset(ports)
        if not found or not all(0 < port < 65536 for port in found):
            raise ConfigError("network_ports: expected numbers of ports")
        return cls(frozenset(exact), tuple(endings), found)

    def objection(self, to: Destination) -> str:
        """Why this may not be reached, as a sentence; empty if it may."""
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
    """Whether an address is somebody else's, out on the Internet.

    Not this machine, its own network, a group, or another notation of one of these.
    """
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        # These hold an IPv4 address, which would have to be looked at as well.
        tunnelled = address.sixtofour is not None or address.teredo is not None
        if tunnelled or address not in _UNICAST:
            return False
    return address.is_global and not address.is_multicast and not is_ours(text)


def is_ours(text: str) -> bool:
    """Whether this machine has the address: it then is where packets to it come from."""
    address = ipaddress.ip_address(text)
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as any_socket:
            # Finds the way, and sends nothing.
            any_socket.connect((text, 9))
            here = any_socket.getsockname()[0]
    except OSError:
        return False
    return ipaddress.ip_address(here) == address
