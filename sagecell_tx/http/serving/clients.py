"""Identifies clients by their connection, by trusted proxies' headers, and by their API key."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from secrets import compare_digest
from urllib.parse import urlsplit

from attrs import define, field
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress
from twisted.web.iweb import IRequest

from sagecell_tx.config import Config, ConfigError
from sagecell_tx.http.serving.cors import header, is_own
from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor

#: In `proxies`: every peer of a UNIX socket.
UNIX = "unix"

#: An API key: sent literally in a header, and too long to be guessed.
_KEY = re.compile(r"[!-~]{16,}")

#: An address as proxies write it: optionally with a port, IPv6 optionally in brackets.
_HOP = re.compile(r"\[([^\]]*)\](?::\d+)?|([0-9.]+):\d+|(.*)", re.DOTALL)

#: Addresses read from the end of X-Forwarded-For; a client may have written any number before them.
HOPS = 32

_LONGEST = 255


def canonical(text: str) -> str:
    """An IP address in its canonical form, IPv4 if it is mapped into IPv6; "" if it is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    inner = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(inner or address)


def forwarded_for(request: IRequest) -> list[str]:
    """The last `HOPS` addresses of X-Forwarded-For, in order; "" for each that is malformed."""
    lines = request.requestHeaders.getRawHeaders(b"x-forwarded-for", [])
    hops = b",".join(lines).decode("latin-1").rsplit(",", HOPS)[-HOPS:] if lines else []
    found = []
    for hop in hops:
        match = _HOP.fullmatch(hop.strip())
        found.append(canonical("".join(filter(None, match.groups()))) if match else "")
    return found


def site(request: IRequest) -> str:
    """The host of the requesting page: from Origin, else from Referer, else ""."""
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
    """Identifies clients. `proxies` are networks or `UNIX`; `keys` are API keys by name.

    `unconfined` says whether programs may do whatever the server's account may.
    """

    unconfined: Callable[[], bool]
    _networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]
    _unix: bool
    _keys: Mapping[str, bytes] = field(repr=False)

    def __init__(
        self, proxies: tuple[str, ...] = Config().proxies, keys: Mapping[str, str] | None = None
    ) -> None:
        """Raises `ConfigError` for a malformed network or key."""
        self.unconfined = lambda: False
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
        """Whether the request came from a trusted proxy, so that its forwarding headers count."""
        peer = _host(request.getClientAddress())
        return self._believed(peer) if peer else self._unix

    def are_counted_elsewhere(self, request: IRequest) -> bool:
        """Whether a trusted peer names no client, as our own servers do, which count theirs."""
        return self.are_behind_proxy(request) and not forwarded_for(request)

    def counted_as(self, peer: IAddress) -> str:
        """The name by which a peer's connections are counted; "" if they are not counted.

        Those of trusted proxies and of UNIX sockets are not: each such peer stands for many
        clients. An IPv6 address is counted as its /64.
        """
        host = _host(peer)
        if not host or self._believed(host):
            return ""
        return Visitor(address=host).holder

    def holder(self, request: IRequest) -> str:
        """The name by which a client takes turns with others: its address, or the /64 of IPv6."""
        return Visitor(address=self._address(request)).holder

    def logged_as(self, request: IRequest) -> IAddress:
        """The address for the access log: the client's if it is known, else the peer's."""
        peer: IAddress = request.getClientAddress()
        address = self._address(request) if forwarded_for(request) else ""
        if address in ("", UNIX):
            return peer
        return (IPv6Address if ":" in address else IPv4Address)("TCP", address, 0)

    def visitor(
        self,
        request: IRequest,
        purpose: Purpose,
        cell_session: str = "",
        key: str | None = None,
    ) -> Visitor:
        """The visitor that makes a request. Raises `Problem` for an unknown API key.

        `key` is the name of the key, if it is known already; "" for none.
        """
        return Visitor(
            purpose=purpose,
            address=self._address(request),
            site=site(request),
            cell_session=cell_session[:_LONGEST],
            key=self._key(request) if key is None else key,
        )

    def check_page(self, request: IRequest) -> None:
        """Raises `Problem` if a page asks for a kernel that may have none here; see `cors.is_own`."""
        origin = request.getHeader(b"origin")
        if origin is None or not self.unconfined():
            return
        peer = _host(request.getClientAddress())
        local = bool(peer) and ipaddress.ip_address(peer).is_loopback
        local = local and not forwarded_for(request)
        if not is_own(origin.decode("latin-1"), header(request, b"host"), local=local):
            sentence = (
                "Programs are not confined on this server, so pages of other hosts may not run any."
            )
            raise Problem(403, "foreign_page", sentence)

    def may_be_misled(self, request: IRequest) -> bool:
        """Whether a page or a mail of somebody else may have led a browser here, where that can do harm.

        Browsers tell the way, except to servers without TLS on other machines. Source:
        https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
        """
        return self.unconfined() and header(request, b"sec-fetch-site") != "same-origin"

    def _address(self, request: IRequest) -> str:
        """The client's address; "" for a program on this machine, which is trusted."""
        address, hops = _host(request.getClientAddress()), forwarded_for(request)
        if not hops:
            return "" if not address or ipaddress.ip_address(address).is_loopback else address
        if self.are_behind_proxy(request):
            # From the right: a trusted proxy is right about its own peer, and about nothing before.
            for hop in reversed(hops):
                address = hop or address
                if not hop or not self._believed(hop):
                    break
        return address or UNIX

    def _believed(self, address: str) -> bool:
        parsed = ipaddress.ip_address(address)
        return any(parsed in network for network in self._networks)

    def _key(self, request: IRequest) -> str:
        """The name of the API key that the request has; "" if it has none."""
        scheme, _, sent = header(request, b"authorization").partition(" ")
        if scheme.lower() != "bearer":
            return ""
        name = self.key_name(sent.strip())
        if not name:
            raise Problem(
                401,
                "unknown_key",
                "This server does not know this API key.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return name

    def key_name(self, key: str) -> str:
        """The name of an API key; "" if there is no such key."""
        given = key.encode("utf-8", "replace")
        # Compare with every key, even after a match: the time that it takes reveals nothing.
        found = [name for name, known in self._keys.items() if compare_digest(known, given)]
        return found[0] if found else ""


def _host(peer: IAddress) -> str:
    """The address of a connection's peer; "" for a UNIX socket."""
    match peer:
        case IPv4Address(host=host) | IPv6Address(host=host):
            return canonical(host)
    return ""
