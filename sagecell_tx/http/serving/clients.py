"""Who a client is: from its connection, from proxies that are believed, and from its key."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from secrets import compare_digest
from urllib.parse import urlsplit

from attrs import define, field
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress
from twisted.web.iweb import IRequest

from sagecell_tx.config import Config, ConfigError
from sagecell_tx.http.serving.cors import header
from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor

#: In `proxies`: whoever comes over a UNIX socket.
UNIX = "unix"

#: A key is sent as it is, and is long enough not to be guessed.
_KEY = re.compile(r"[!-~]{16,}")

#: An address as proxies write it: perhaps with a port, IPv6 perhaps in brackets.
_HOP = re.compile(r"\[([^\]]*)\](?::\d+)?|([0-9.]+):\d+|(.*)", re.DOTALL)

#: As many are read: what a client wrote before them itself is of no use.
HOPS = 32

_LONGEST = 255


def canonical(text: str) -> str:
    """An IP address as it is always written, or nothing: one client has one address."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    inner = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(inner or address)


def forwarded_for(request: IRequest) -> list[str]:
    """The latest addresses that proxies have added, the last one last; empty for what is none."""
    lines = request.requestHeaders.getRawHeaders(b"x-forwarded-for", [])
    hops = b",".join(lines).decode("latin-1").rsplit(",", HOPS)[-HOPS:] if lines else []
    found = []
    for hop in hops:
        match = _HOP.fullmatch(hop.strip())
        found.append(canonical("".join(filter(None, match.groups()))) if match else "")
    return found


def site(request: IRequest) -> str:
    """The host of the page that asks: of Origin, else of Referer, else nothing."""
    for name in (b"origin", b"referer"):
        try:
            host = urlsplit(header(request, name)).hostname
        except ValueError:
            host = None
        if host:
            return host[:_LONGEST]
    return ""


@define(init=False)
class Clients:
    """What is known of clients. `proxies` are networks, or `UNIX`; `keys` are texts by name."""

    _networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]
    _unix: bool
    _keys: Mapping[str, bytes] = field(repr=False)

    def __init__(
        self, proxies: tuple[str, ...] = Config().proxies, keys: Mapping[str, str] | None = None
    ) -> None:
        """Raises `ConfigError` for what is no network or no key."""
        try:
            self._networks = [ipaddress.ip_network(text) for text in proxies if text != UNIX]
        except ValueError as error:
            raise ConfigError(f"proxies: {error}") from error
        self._unix = UNIX in proxies
        for name, text in (keys or {}).items():
            if not _KEY.fullmatch(text):
                raise ConfigError(f"keys.{name}: expected 16 visible ASCII characters or more")
        self._keys = {name: text.encode("ascii") for name, text in (keys or {}).items()}

    def are_behind_proxy(self, request: IRequest) -> bool:
        """Whether what the request says of clients, a believed proxy may have said."""
        peer = _host(request.getClientAddress())
        return self._believed(peer) if peer else self._unix

    def are_counted_elsewhere(self, request: IRequest) -> bool:
        """Whether a believed peer asks for clients that it does not name, as our own servers do."""
        return self.are_behind_proxy(request) and not forwarded_for(request)

    def counted_as(self, peer: IAddress) -> str:
        """The name by which a peer's connections are counted; nothing for those that are not.

        Behind a believed proxy, and at the other end of a UNIX socket, there are many clients.
        With an IPv6 address one has all of its /64.
        """
        host = _host(peer)
        if not host or self._believed(host):
            return ""
        return Visitor(address=host).holder

    def holder(self, request: IRequest) -> str:
        """The name by which a client takes turns with others; with IPv6 one has all of its /64."""
        return Visitor(address=self._address(request)).holder

    def logged_as(self, request: IRequest) -> IAddress:
        """The address that the access log has: the client's, as far as it is known."""
        peer: IAddress = request.getClientAddress()
        address = self._address(request) if forwarded_for(request) else ""
        if address in ("", UNIX):
            return peer
        return (IPv6Address if ":" in address else IPv4Address)("TCP", address, 0)

    def visitor(self, request: IRequest, purpose: Purpose, cell_session: str = "") -> Visitor:
        """Who asks; raises `Problem` for a key that is none of ours."""
        return Visitor(
            purpose=purpose,
            address=self._address(request),
            site=site(request),
            cell_session=cell_session[:_LONGEST],
            key=self._key(request),
        )

    def _address(self, request: IRequest) -> str:
        """The client's address; nothing for a program on this machine, which is trusted."""
        address, hops = _host(request.getClientAddress()), forwarded_for(request)
        if not hops:
            return "" if not address or ipaddress.ip_address(address).is_loopback else address
        if self.are_behind_proxy(request):
            # From the right: each proxy vouches for the one before it, and for no other.
            for hop in reversed(hops):
                address = hop or address
                if not hop or not self._believed(hop):
                    break
        return address or UNIX

    def _believed(self, address: str) -> bool:
        parsed = ipaddress.ip_address(address)
        return any(parsed in network for network in self._networks)

    def _key(self, request: IRequest) -> str:
        """The name of the key that came along; nothing when there is none."""
        scheme, _, sent = header(request, b"authorization").partition(" ")
        if scheme.lower() != "bearer":
            return ""
        told = sent.strip().encode("latin-1", "replace")
        # All of them, whichever fits: the time it takes tells nothing.
        found = [name for name, key in self._keys.items() if compare_digest(key, told)]
        if not found:
            raise Problem(
                401,
                "unknown_key",
                "This API key is not known here.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return found[0]


def _host(peer: IAddress) -> str:
    """The address at a connection's other end; nothing when that is a UNIX socket."""
    match peer:
        case IPv4Address(host=host) | IPv6Address(host=host):
            return canonical(host)
    return ""
