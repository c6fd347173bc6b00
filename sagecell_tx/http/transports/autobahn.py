"""WebSockets, joined with kernels or whatever else. The only module that knows Autobahn.

With a kernel it is this:

    -> one Jupyter message, as JSON text
    <- each Jupyter message that the kernel says, as JSON text

What is not a message at all closes the socket with a code and a JSON reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NoReturn, Protocol

from attrs import Factory, define, field
from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionDeny
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource
from twisted.web.server import Request
from typing_extensions import override

from sagecell_tx import __version__
from sagecell_tx.config import Limits
from sagecell_tx.http.connections.fairness import Intake, Pongs, Rota
from sagecell_tx.http.connections.timeouts import TimedChannel
from sagecell_tx.http.serving.parsing import Inbox, Parser
from sagecell_tx.http.transports import resume
from sagecell_tx.http.transports.incoming import AddressMemory, IncomingMessages
from sagecell_tx.http.transports.websocket import (
    INTERNAL_ERROR,
    INVALID_DATA,
    MESSAGE_TOO_BIG,
    NORMAL,
    POLICY_VIOLATION,
    UNSUPPORTED_DATA,
    WebSocket,
    WebSocketListener,
    close_reason,
)
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.wire.messages import WireError, dump

_log = Logger()

#: The close codes of clients that do not come back, and of those that say none.
GOODBYES = (NORMAL, 1001, 1005, None)

#: The close codes for what is wrong with a message, where they have one of their own.
_CODES = {
    "invalid_json": INVALID_DATA,
    "invalid_utf8": INVALID_DATA,
    "binary_message": UNSUPPORTED_DATA,
}

#: The opcode of RFC 6455.
PONG = 10

#: The longest control frame, in bytes, by the same.
CONTROL_FRAME = 125

#: Seconds that a client may take for what was written before the connection is closed.
PARTING = 15.0

#: The words for what Autobahn itself objects to.
_WORDS = {MESSAGE_TOO_BIG: "message_too_big"}


class MessageHandler(Protocol):
    """What handles the messages of a WebSocket's client."""

    def begin(self) -> None:
        """The upgrade is done. Raises one of `resume.CANNOT_GO_ON`."""

    def parse(self, text: bytes, date: str) -> Any:
        """What the client means by `text`; raises `WireError` when that makes no sense.

        Called in a thread when it is long, so it changes nothing.
        """

    def handle(self, parsed: Any) -> None:
        """Do what the client means, which `parse` gave; raises `WireError` as well."""

    def end(self, *, for_good: bool) -> None:
        """The client is gone; `for_good` when it said so itself, and does not come back.

        Called once, and last, if the upgrade was begun.
        """


#: Finds the handler of a client, by its request; raises `NoHandler` when there is none.
FindHandler = Callable[[WebSocket, Any], MessageHandler]


class NoHandler(Exception):
    """There is nothing to connect to, or not any more."""


def _binary(payload: bytes, date: str) -> NoReturn:
    raise WireError("binary_message", "Messages are JSON text here.")


def _text(parse: Callable[[bytes, str], Any], payload: bytes, date: str) -> Any:
    """What `parse` makes of a text message. Called in a thread when it is long."""
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WireError("invalid_utf8", f"A text message is not UTF-8: {error.reason}.") from error
    return parse(payload, date)


class WebSocketProtocol(WebSocketServerProtocol):  # type: ignore[misc]
    """Autobahn's side of a `MessageHandler`."""

    factory: WebSocketFactory
    find_handler: FindHandler
    who: str
    on_closed: Callable[[], None]
    handler: MessageHandler | None = None
    control_frame_data: Any
    _intake: Intake
    _inbox: Inbox
    _incoming: IncomingMessages
    _pongs: Pongs
    _refused = False
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
        if not (self.failedByMe or self._refused):
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
        try:
            self.handler = self.find_handler(self, request)
        except NoHandler as error:
            raise ConnectionDeny(404, str(error)) from error

    @override
    def onOpen(self) -> None:
        """The upgrade is done."""
        if self.handler is not None:
            try:
                self.handler.begin()
            except resume.CANNOT_GO_ON as error:
                problem = resume.refusal(error, self.factory.limits)
                self.close_with(POLICY_VIOLATION, problem.code, problem.message)
            except Exception:
                _log.failure("beginning a conversation")
                self.close_with(INTERNAL_ERROR, "internal_error", "The server made a mistake.")

    @override
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """The client said something, whatever it is."""
        self._incoming.finish()
        if self.handler is None or not self.can_send:
            return
        read = _binary if isBinary else partial(_text, self.handler.parse)
        parse = partial(read, payload, self.factory.now())
        self._inbox.put(len(payload), parse, self._handle, self._refuse)

    def _handle(self, parsed: Any) -> None:
        """What the client said is read. Perhaps it has said goodbye since."""
        if self.handler is None or self._refused:
            return
        try:
            self.handler.handle(parsed)
        except Exception:
            self._refuse(Failure())

    def _refuse(self, failure: Failure) -> None:
        if isinstance(failure.value, WireError):
            word, sentence = failure.value.code, failure.value.message
            code = _CODES.get(word, POLICY_VIOLATION)
        else:
            _log.failure("reading what a client said", failure)
            code, word, sentence = INTERNAL_ERROR, "internal_error", "The server made a mistake."
        self.close_with(code, word, sentence)

    @override
    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The socket is gone; what the client said before that is heeded first."""
        if self.handler is not None:
            end = partial(self._end, for_good=wasClean and code in GOODBYES)
            self._inbox.put(0, end, lambda _: None, self._refuse)

    def _end(self, *, for_good: bool) -> None:
        if self.handler is not None:
            handler, self.handler = self.handler, None
            handler.end(for_good=for_good)
        self._incoming.settle()

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

    @property
    def can_send(self) -> bool:
        """The upgrade is done, and neither side has said goodbye."""
        return bool(self.state == self.STATE_OPEN)

    def close_with(self, code: int, word: str, sentence: str) -> None:
        """Say goodbye with a close code and a JSON reason.

        Autobahn's `sendClose` does not know the codes between 1000 and 3000.
        """
        self._refused = True
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
        self, *, limits: Limits, now: Callable[[], str], reactor: Any, parser: Parser, rota: Rota
    ) -> None:
        super().__init__(server=f"sagecell-tx/{__version__}", reactor=reactor)
        self.limits = limits
        self.parser = parser
        self.now = now
        self.rota = rota
        self.memory = AddressMemory()
        self._batched_timer = Timers(reactor)
        self.setProtocolOptions(
            maxFramePayloadSize=limits.client_message,
            maxMessagePayloadSize=limits.client_message,
            failByDrop=False,
            # Autobahn's own way to see that text is UTF-8 takes ten times as long as Python's.
            utf8validateIncoming=False,
            openHandshakeTimeout=10,
            closeHandshakeTimeout=5,
            # A client that is gone without a word, or never reads, does not answer.
            autoPingInterval=limits.ping,
            autoPingTimeout=limits.stalled,
            tcpNoDelay=True,
        )


@define
class UpgradeFactory:
    """Of a factory, what `WebSocketResource` needs for one upgrade.

    `who` is the name by which the client takes turns with others. `on_closed` is called once, when
    the connection is over.
    """

    _factory: WebSocketFactory
    _find_handler: FindHandler
    who: str = ""
    on_closed: Callable[[], None] = lambda: None

    def buildProtocol(self, addr: object) -> WebSocketProtocol:  # noqa: N802
        """The protocol for one upgrade."""
        protocol: WebSocketProtocol = self._factory.buildProtocol(addr)
        protocol.find_handler, protocol.who = self._find_handler, self.who
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

    limits: Limits
    now: Callable[[], str]
    reactor: Any
    who: Callable[[IRequest], str] = lambda _: ""
    parser: Parser = field(factory=Parser)
    rota: Rota = field(default=Factory(lambda self: Rota(clock=self.reactor), takes_self=True))
    _factory: WebSocketFactory = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._factory = WebSocketFactory(
            limits=self.limits,
            now=self.now,
            reactor=self.reactor,
            parser=self.parser,
            rota=self.rota,
        )

    def resource(self, join: FindHandler) -> IResource:
        """The resource that takes a request's transport over."""
        resource: IResource = UpgradeResource(UpgradeFactory(self._factory, join), self.who)
        return resource


@define(kw_only=True)
class KernelWebSockets:
    """Turns requests into WebSockets of kernels."""

    fleet: Fleet
    sockets: WebSockets

    def resource(self) -> IResource:
        """The resource that takes a request's transport over."""
        return self.sockets.resource(self._find_handler)

    def _find_handler(self, socket: WebSocket, request: Any) -> MessageHandler:
        """The kernel's side, which may have ended since the client asked."""
        kernel_id = request.path.rsplit("/", 2)[-2]
        resume_point = resume.from_query(request.params)
        find = self.fleet.get if resume_point is None else self.fleet.remembered
        session = find(kernel_id)
        if session is None:
            raise NoHandler("There is no such kernel, or it has ended.")
        return WebSocketListener(socket, session, resume_point)
