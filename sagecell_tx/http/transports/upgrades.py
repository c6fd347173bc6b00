"""The upgrade of an HTTP request to a WebSocket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from autobahn.twisted.resource import WebSocketResource
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource
from twisted.web.server import Request
from typing_extensions import override

from sagecell_tx.http.connections.rota import Rota
from sagecell_tx.http.connections.timeouts import TimedChannel
from sagecell_tx.http.serving.parsing import Parser
from sagecell_tx.http.transports.autobahn import HandlerFactory, WebSocketFactory, WebSocketProtocol
from sagecell_tx.http.transports.dispatch import NORMAL
from sagecell_tx.http.transports.incoming import AddressMemory
from sagecell_tx.limits import LifetimeLimits

#: The close codes of clients that will not reconnect; 1005 and None stand for no code.
GOODBYES: tuple[int | None, ...] = (NORMAL, 1001, 1005, None)


@define
class UpgradeFactory:
    """The part of a factory that `WebSocketResource` needs, for one upgrade.

    `subprotocol` is the one that is chosen, which the client has to have offered. `who` is the name by
    which the client takes turns with others. `on_closed` is called once, when the connection has ended.
    """

    _factory: WebSocketFactory
    _make_handler: HandlerFactory
    subprotocol: str | None = None
    who: str = ""
    on_closed: Callable[[], None] = lambda: None

    def buildProtocol(self, addr: object) -> WebSocketProtocol:  # noqa: N802
        """The protocol for one upgrade."""
        protocol: WebSocketProtocol = self._factory.buildProtocol(addr)
        protocol.make_handler, protocol.who = self._make_handler, self.who
        protocol.subprotocol = self.subprotocol
        protocol.on_closed = self.on_closed
        return protocol


class UpgradeResource(WebSocketResource):  # type: ignore[misc]
    """Takes over one request's transport, and what its channel must call at the end."""

    def __init__(self, joining: UpgradeFactory, who: Callable[[IRequest], str]) -> None:
        super().__init__(joining)
        self._joining, self._who = joining, who

    @override
    def render(self, request: Request) -> Any:
        """Take over the transport, and answer the upgrade."""
        self._joining.who = self._who(request)
        channel = request.channel
        if isinstance(channel, TimedChannel):
            self._joining.on_closed = channel.hand_over()
        return super().render(request)


@define(kw_only=True)
class WebSockets:
    """Turns requests into WebSockets.

    A client's message has `message_bytes` at most. A ping is sent each `ping_seconds`, and a client that does
    not answer within `ping_timeout` is disconnected; with 0, the handlers send pings. A client that closes with
    one of the codes `goodbyes` will not reconnect.

    `now` gives the time as ISO 8601 text, `who` the name by which a client takes turns with others.
    """

    lifetime: LifetimeLimits
    message_bytes: int
    ping_seconds: float
    ping_timeout: float
    goodbyes: tuple[int | None, ...] = GOODBYES
    now: Callable[[], str]
    reactor: Any
    who: Callable[[IRequest], str]
    parser: Parser = field(factory=Parser)
    rota: Rota
    memory: AddressMemory = field(factory=AddressMemory)
    _factory: WebSocketFactory = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._factory = WebSocketFactory(
            lifetime=self.lifetime,
            message_bytes=self.message_bytes,
            ping_seconds=self.ping_seconds,
            ping_timeout=self.ping_timeout,
            goodbyes=self.goodbyes,
            now=self.now,
            reactor=self.reactor,
            parser=self.parser,
            rota=self.rota,
            memory=self.memory,
        )

    def resource(self, make_handler: HandlerFactory, subprotocol: str | None = None) -> IResource:
        """A resource that upgrades one request, to the `subprotocol` if one was chosen."""
        joining = UpgradeFactory(self._factory, make_handler, subprotocol)
        resource: IResource = UpgradeResource(joining, self.who)
        return resource
