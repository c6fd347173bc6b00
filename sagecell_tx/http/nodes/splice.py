"""Joins a client's connection to another server, from one request on.

    -> PROXY TCP4 192.0.2.1 192.0.2.9 50123 443
    -> the request as the client sent it, and what follows it
    <- whatever the other server answers

The other server sees the client's address as this one does. An upgraded connection stays joined; any
other is closed after the answer, as its next request may be another server's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from twisted.web.server import Request
from typing_extensions import override

from sagecell_tx.http.connections.timeouts import TimedChannel
from sagecell_tx.http.serving import cors

#: Headers that are about a connection. The other one has its own: RFC 9110, section 7.6.1. The body
#: is sent as a whole.
_OF_A_CONNECTION = frozenset(
    {b"connection", b"content-length", b"expect", b"keep-alive", b"te", b"transfer-encoding"}
)

#: Seconds that a client has to read the rest after the other server has closed its connection, and the other server what a client
#: has sent that has gone.
PARTING = 30.0


def proxy_line(peer: IAddress, host: IAddress) -> bytes:
    """The line that tells who is connected to what, in version 1 of HAProxy's PROXY protocol."""
    match peer, host:
        case IPv4Address(), IPv4Address():
            return _proxy_line(b"TCP4", peer, host)
        case IPv6Address(), IPv6Address():
            return _proxy_line(b"TCP6", peer, host)
    return b"PROXY UNKNOWN\r\n"


def _proxy_line(kind: bytes, peer: Any, host: Any) -> bytes:
    hosts = b" ".join(each.host.partition("%")[0].encode("ascii") for each in (peer, host))
    return b"PROXY %b %b %d %d\r\n" % (kind, hosts, peer.port, host.port)


def as_received(request: Request) -> bytes:
    """A request as its client sent it, but for what is about the connection. To be called once."""
    assert request.content is not None, "closed only with the request"
    body = request.content.read()
    request.content.close()  # a long one is a file; nobody finishes this request
    lines = [b"%b %b %b" % (request.method, request.uri, request.clientproto)]
    for name, values in request.requestHeaders.getAllRawHeaders():
        if name.lower() not in _OF_A_CONNECTION:
            lines += [b"%b: %b" % (name, value) for value in values]
    upgrades = cors.header(request, b"upgrade").lower() == "websocket"
    # A WebSocket that is refused must not leave a connection on which more requests come.
    lines.append(b"Connection: Upgrade, close" if upgrades else b"Connection: close")
    if body or request.method not in (b"GET", b"HEAD"):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


@define(eq=False)
class Upstream(Protocol):
    """The connection to the other server, which sends nothing before `join`.

    `on_end` is called once, when the connection has ended.
    """

    _clock: IReactorTime
    _on_end: Callable[[], None] = lambda: None
    transport: Any = field(default=None, init=False)
    _client: _Downstream | None = field(default=None, init=False)
    _parting: IDelayedCall | None = field(default=None, init=False)

    def join(self, request: Request) -> None:
        """Take over the connection of `request`, and let the other server answer it."""
        opening = proxy_line(request.getClientAddress(), request.getHost()) + as_received(request)
        channel: Any = request.channel
        transport, channel.transport = channel.transport, None
        leave = channel.hand_over() if isinstance(channel, TimedChannel) else lambda: None
        self._client = client = _Downstream(self, transport, self._clock, leave)
        if isinstance(transport, ProtocolWrapper):  # TLS, for one
            transport.wrappedProtocol = client
        elif isinstance(transport.protocol, ProtocolWrapper):
            transport.protocol.wrappedProtocol = client
        else:
            transport.protocol = client
        transport.unregisterProducer()  # the HTTP channel
        transport.registerProducer(self.transport, True)
        self.transport.registerProducer(transport, True)
        self.transport.write(opening)
        transport.resumeProducing()

    @override
    def dataReceived(self, data: bytes) -> None:
        """Pass on what the other server sends."""
        assert self._client is not None, "it sends nothing before the request"
        self._client.transport.write(data)

    def part(self) -> None:
        """The client has gone. What it sent is passed on, unless the other server does not read it for a while.

        That server would not see that the client has gone, and have its kernel wait for it.
        """
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        self._parting = self._clock.callLater(PARTING, self._late)

    def _late(self) -> None:
        self.transport.abortConnection()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The other server has closed the connection."""
        if self._parting is not None and self._parting.active():
            self._parting.cancel()
        if self._client is not None:
            self._client.part()
        self._on_end()


@define(eq=False)
class _Downstream(Protocol):
    """The client's connection, after the HTTP channel."""

    _upstream: Upstream
    transport: Any
    _clock: IReactorTime
    _leave: Callable[[], None]
    _parting: IDelayedCall | None = field(default=None, init=False)
    _lost: bool = field(default=False, init=False)

    def part(self) -> None:
        """Close the connection when the client has read everything, or after a while."""
        if not self._lost:
            self.transport.unregisterProducer()
            self.transport.loseConnection()
            self._parting = self._clock.callLater(PARTING, self._late)

    def _late(self) -> None:
        self.transport.abortConnection()

    @override
    def dataReceived(self, data: bytes) -> None:
        """Pass on what the client sends after its request."""
        if self._parting is None:
            self._upstream.transport.write(data)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client has disconnected, or was."""
        self._lost = True
        self._leave()
        if self._parting is None:
            self._upstream.part()
        elif self._parting.active():
            self._parting.cancel()
