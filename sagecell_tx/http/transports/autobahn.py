"""WebSockets: the upgrade, frames and how a connection ends. The only module that knows Autobahn."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, field
from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionDeny
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource
from twisted.web.server import Request
from typing_extensions import override

from sagecell_tx import __version__
from sagecell_tx.http.connections.fairness import Intake, Pongs
from sagecell_tx.http.connections.rota import Rota
from sagecell_tx.http.connections.timeouts import TimedChannel
from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.http.serving.parsing import Inbox, Parser
from sagecell_tx.http.serving.pump import PushProducer
from sagecell_tx.http.transports.dispatch import (
    INTERNAL_ERROR,
    MESSAGE_TOO_BIG,
    NORMAL,
    Dispatcher,
    MessageHandler,
    WebSocket,
    close_reason,
)
from sagecell_tx.http.transports.incoming import AddressMemory, IncomingMessages
from sagecell_tx.limits import LifetimeLimits, MessageLimits
from sagecell_tx.wire.messages import dump

#: The close codes of clients that do not come back, and of those that say none.
GOODBYES = (NORMAL, 1001, 1005, None)

#: The opcode of RFC 6455.
PONG = 10

#: The longest control frame, in bytes, by the same.
CONTROL_FRAME = 125

#: Seconds that a client may take for what was written before the connection is closed.
PARTING = 15.0

#: The words for what Autobahn itself objects to.
_WORDS = {MESSAGE_TOO_BIG: "message_too_big"}

#: Makes the handler for a client that is about to be joined; raises `Problem` when it is refused.
HandlerFactory = Callable[[WebSocket], MessageHandler]


class WebSocketProtocol(WebSocketServerProtocol):  # type: ignore[misc]
    """Autobahn's side of a `WebSocket`."""

    factory: WebSocketFactory
    make_handler: HandlerFactory
    who: str
    on_closed: Callable[[], None]
    control_frame_data: Any
    message_data: Any
    _intake: Intake
    _inbox: Inbox
    _incoming: IncomingMessages
    _pongs: Pongs
    _dispatcher: Dispatcher | None = None
    said_goodbye = False
    _parting: IDelayedCall | None = None

    @override
    def connectionMade(self) -> None:
        """The request's transport was taken over."""
        self._intake = Intake(
            rota=self.factory.rota,
            who=self.who,
            step=self._process,
            pause=self.transport.pauseProducing,
            resume=self.transport.resumeProducing,
        )
        self._inbox = Inbox(
            parser=self.factory.parser,
            pause=lambda: self._intake.hold(self._inbox),
            resume=self._read_on,
        )
        self._incoming = IncomingMessages(
            clock=self.factory.reactor,
            memory=self.factory.memory,
            who=self.who,
            unhandled=lambda: self._inbox.size,
            refuse=self._refuse_incoming,
        )
        self._pongs = Pongs(clock=self.factory.reactor, send=self.sendPong)
        super().connectionMade()

    @override
    def consumeData(self) -> None:
        """Something was received; of many frames, each turn of the reactor has some."""
        if self.state in (self.STATE_OPEN, self.STATE_CLOSING):
            self._intake.go_on()
        else:
            super().consumeData()

    def _process(self) -> bool:
        """Read a frame's head, or what there is of its payload; tells whether there is more."""
        talks = self.state in (self.STATE_OPEN, self.STATE_CLOSING)
        more = bool(talks and self.processData() and self.state != self.STATE_CLOSED)
        if not more:
            begun = sum(map(len, self.message_data)) if self.inside_message else None
            self._incoming.note(begun)
        return more

    def _read_on(self) -> None:
        """What was parsed aside is handled."""
        self._incoming.settle()
        self._intake.release(self._inbox)

    def _refuse_incoming(self, code: int, word: str, sentence: str) -> None:
        self.message_data = []
        self.close_with(code, word, sentence)

    @override
    def onMessageFrameData(self, payload: bytes) -> None:
        """A part of a message is there.

        Autobahn keeps each as an object of its own, which takes far more room than a few bytes,
        and none at all may come without end.
        """
        if not (self.failedByMe or self.said_goodbye):
            if not self.message_data:
                self.message_data.append(bytearray())
            self.message_data[0] += payload

    @override
    def onFrameData(self, payload: bytes) -> bool | None:
        """A part of a frame is there.

        Of a control frame that is longer than one may be, Autobahn says that it is, and keeps all of
        it until the client's goodbye comes, or does not.
        """
        frame = self.current_frame
        if frame.opcode > 7 and frame.length > CONTROL_FRAME:
            return None
        told: bool | None = super().onFrameData(payload)
        return told

    @override
    def onPing(self, payload: bytes) -> None:
        """The client wants to know whether somebody is here."""
        self._pongs.answer(payload)

    @override
    def processControlFrame(self) -> bool:
        """A control frame is there. Autobahn would log each pong that nobody waits for."""
        told = b"".join(self.control_frame_data)
        if self.current_frame.opcode == PONG and told != self.autoPingPending:
            self.control_frame_data = None
            return True
        return bool(super().processControlFrame())

    @override
    def onConnect(self, request: Any) -> None:
        """A client asks for the upgrade."""
        make_handler = self.make_handler
        del self.make_handler  # it may hold a session, which need not live as long as this
        try:
            handler = make_handler(self)
        except Problem as problem:
            raise ConnectionDeny(problem.status, problem.message) from problem
        factory = self.factory
        self._dispatcher = Dispatcher(
            socket=self,
            handler=handler,
            inbox=self._inbox,
            lifetime=factory.lifetime,
            now=factory.now,
        )

    @override
    def onOpen(self) -> None:
        """The upgrade is done."""
        if self._dispatcher is not None:
            self._dispatcher.begin()

    @override
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """The client said something, whatever it is."""
        self._incoming.finish()
        if self._dispatcher is not None:
            self._dispatcher.receive(payload, binary=isBinary)

    @override
    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The socket is gone."""
        if self._dispatcher is not None:
            self._dispatcher.end(for_good=wasClean and code in GOODBYES)
            self._inbox.put(0, self._incoming.settle, lambda _: None, lambda _: None)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is over, whether or not there was an upgrade."""
        if self._parting is not None and self._parting.active():
            self._parting.cancel()
        self._intake.stop()
        self._incoming.stop()
        self._pongs.stop()
        super().connectionLost(reason)
        self.on_closed()

    @override
    def dropConnection(self, abort: bool = False) -> None:
        """End the connection: in order when both sides said goodbye, else as Autobahn wants it.

        Autobahn resets it even after the client's answer to a close, and a browser then says that
        the close was not clean.
        """
        abort = abort and not self.wasClean
        super().dropConnection(abort=abort)
        if not abort and self._parting is None:
            # What was written may wait for a client that takes nothing.
            cut = self.transport.abortConnection
            self._parting = self.factory.reactor.callLater(PARTING, cut)

    def register_producer(self, producer: PushProducer) -> None:
        """See `WebSocket.register_producer`."""
        self.transport.unregisterProducer()  # the HTTP channel, whose transport it was
        self.transport.registerProducer(producer, True)

    @property
    def can_send(self) -> bool:
        """The upgrade is done, and neither side has said goodbye."""
        return bool(self.state == self.STATE_OPEN)

    def close_with(self, code: int, word: str, sentence: str) -> None:
        """Say goodbye with a close code and a JSON reason.

        Autobahn's `sendClose` does not know the codes between 1000 and 3000.
        """
        self.said_goodbye = True
        reason = close_reason(word, sentence).encode("ascii")
        self.sendCloseFrame(code=code, reasonUtf8=reason)

    @override
    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Write.

        Autobahn's own describes each write in colours for a log that is off, which takes ten
        times as long. What it can do beside, writing in pieces, is asked for by nobody.
        """
        self.transport.write(data)

    @override
    def sendHttpErrorResponse(
        self,
        code: int,
        reason: str,
        responseHeaders: Iterable[tuple[str, str]] | None = None,
    ) -> None:
        """Say in JSON what is wrong with the request for the upgrade."""
        body = dump({"error": "bad_handshake", "message": reason})
        headers = {
            **dict(responseHeaders or ()),
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        lines = [f"HTTP/1.1 {code} Refused", *(": ".join(each) for each in headers.items())]
        self.sendData("\r\n".join([*lines, "", ""]).encode("ascii") + body)

    @override
    def _fail_connection(self, code: int = INTERNAL_ERROR, reason: str = "") -> None:
        """Say in JSON what Autobahn objects to."""
        super()._fail_connection(code, close_reason(_WORDS.get(code, "protocol_error"), reason))


@define
class Timers:
    """What Autobahn sets its timers with, which would else take the global reactor."""

    _clock: IReactorTime

    def call_later(self, delay: float, call: Callable[..., Any], *args: Any) -> IDelayedCall:
        """Call so many seconds from now."""
        return self._clock.callLater(delay, call, *args)


class WebSocketFactory(WebSocketServerFactory):  # type: ignore[misc]
    """Makes the protocol for each upgrade."""

    protocol = WebSocketProtocol

    def __init__(
        self,
        *,
        lifetime: LifetimeLimits,
        messages: MessageLimits,
        now: Callable[[], str],
        reactor: Any,
        parser: Parser,
        rota: Rota,
    ) -> None:
        super().__init__(server=f"sagecell-tx/{__version__}", reactor=reactor)
        self.lifetime = lifetime
        self.parser = parser
        self.now = now
        self.rota = rota
        self.memory = AddressMemory()
        self._batched_timer = Timers(reactor)
        self.setProtocolOptions(
            maxFramePayloadSize=messages.client_message_bytes,
            maxMessagePayloadSize=messages.client_message_bytes,
            failByDrop=False,
            # Autobahn's own way to see that text is UTF-8 takes ten times as long as Python's.
            utf8validateIncoming=False,
            openHandshakeTimeout=10,
            closeHandshakeTimeout=5,
            # A client that is gone without a word, or never reads, does not answer.
            autoPingInterval=messages.ping_seconds,
            autoPingTimeout=messages.stalled_seconds,
            tcpNoDelay=True,
        )


@define
class UpgradeFactory:
    """Of a factory, what `WebSocketResource` needs for one upgrade.

    `who` is the name by which the client takes turns with others. `on_closed` is called once, when
    the connection is over.
    """

    _factory: WebSocketFactory
    _make_handler: HandlerFactory
    who: str = ""
    on_closed: Callable[[], None] = lambda: None

    def buildProtocol(self, addr: object) -> WebSocketProtocol:  # noqa: N802
        """The protocol for one upgrade."""
        protocol: WebSocketProtocol = self._factory.buildProtocol(addr)
        protocol.make_handler, protocol.who = self._make_handler, self.who
        protocol.on_closed = self.on_closed
        return protocol


class UpgradeResource(WebSocketResource):  # type: ignore[misc]
    """Takes the transport of one request over, and with it what its channel owed at its end."""

    def __init__(self, joining: UpgradeFactory, who: Callable[[IRequest], str]) -> None:
        super().__init__(joining)
        self._joining, self._who = joining, who

    @override
    def render(self, request: Request) -> Any:
        """Take over."""
        self._joining.who = self._who(request)
        channel = request.channel
        if isinstance(channel, TimedChannel):
            self._joining.on_closed = channel.hand_over()
        return super().render(request)


@define(kw_only=True)
class WebSockets:
    """Turns requests into WebSockets.

    `now` gives the time as ISO 8601 text, `who` the name by which a client takes turns with others.
    """

    lifetime: LifetimeLimits
    messages: MessageLimits
    now: Callable[[], str]
    reactor: Any
    who: Callable[[IRequest], str]
    parser: Parser = field(factory=Parser)
    rota: Rota
    _factory: WebSocketFactory = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._factory = WebSocketFactory(
            lifetime=self.lifetime,
            messages=self.messages,
            now=self.now,
            reactor=self.reactor,
            parser=self.parser,
            rota=self.rota,
        )

    def resource(self, make_handler: HandlerFactory) -> IResource:
        """The resource that takes a request's transport over."""
        resource: IResource = UpgradeResource(UpgradeFactory(self._factory, make_handler), self.who)
        return resource
