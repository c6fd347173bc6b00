"""One WebSocket, on Autobahn's protocol: frames, and the opening and the closing handshake."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from attrs import define
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionDeny
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from sagecell_tx import __version__
from sagecell_tx.http.connections.fairness import Intake, Pongs
from sagecell_tx.http.connections.rota import Rota
from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.http.serving.parsing import Inbox, Parser
from sagecell_tx.http.serving.pump import PushProducer
from sagecell_tx.http.transports.dispatch import (
    CLOSE_REASON,
    INTERNAL_ERROR,
    MESSAGE_TOO_BIG,
    Dispatcher,
    MessageHandler,
    WebSocket,
    close_reason,
)
from sagecell_tx.http.transports.incoming import AddressMemory, IncomingMessages
from sagecell_tx.limits import LifetimeLimits
from sagecell_tx.wire.messages import dump

#: The opcode of a pong. Source: RFC 6455, section 11.8.
PONG = 10

#: The most bytes in a control frame. Source: RFC 6455, section 5.5.
CONTROL_FRAME = 125

#: Seconds that a client has to read what was written before the connection is cut.
PARTING = 15.0

#: Error codes for the close codes that Autobahn itself sends.
_WORDS = {MESSAGE_TOO_BIG: "message_too_big"}

#: Makes the handler for a client that requests the upgrade. Raises `Problem` to refuse it.
HandlerFactory = Callable[[WebSocket], MessageHandler]


class WebSocketProtocol(WebSocketServerProtocol):  # type: ignore[misc]
    """A `WebSocket` on top of Autobahn's protocol."""

    factory: WebSocketFactory
    make_handler: HandlerFactory
    subprotocol: str | None
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
    on_pong: Callable[[bytes], None] | None = None
    _parting: IDelayedCall | None = None

    @override
    def connectionMade(self) -> None:
        """Take over the request's transport."""
        self._intake = Intake(
            rota=self.factory.rota,
            who=self.who,
            step=self._process,
            pause=self.transport.pauseProducing,
            resume=self.transport.resumeProducing,
            abort=self.transport.abortConnection,
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
        """Process what was received; many frames are spread over several turns of the reactor."""
        if self.state in (self.STATE_OPEN, self.STATE_CLOSING):
            self._intake.go_on()
        else:
            super().consumeData()

    def _process(self) -> bool:
        """Read a frame's head, or its payload so far; returns whether there is more to read."""
        upgraded = self.state in (self.STATE_OPEN, self.STATE_CLOSING)
        more = bool(upgraded and self.processData() and self.state != self.STATE_CLOSED)
        if not more:
            begun = sum(map(len, self.message_data)) if self.inside_message else None
            self._incoming.note(begun)
        return more

    def _read_on(self) -> None:
        """The message that was parsed in a thread is handled: receive again."""
        self._incoming.settle()
        self._intake.release(self._inbox)

    def _refuse_incoming(self, code: int, word: str, sentence: str) -> None:
        self.message_data = []
        self.close_with(code, word, sentence)

    @override
    def onMessageFrameData(self, payload: bytes) -> None:
        """Append a part of a message to the parts before it.

        Autobahn would keep each as a separate object, which takes far more memory than a few bytes,
        and empty parts could arrive without end.
        """
        if not (self.failedByMe or self.said_goodbye):
            if not self.message_data:
                self.message_data.append(bytearray())
            self.message_data[0] += payload

    @override
    def onFrameData(self, payload: bytes) -> bool | None:
        """Keep a part of a frame, unless it is a control frame that is too long.

        Autobahn closes for such a frame, but would keep all of it until the closing handshake ends.
        """
        frame = self.current_frame
        if frame.opcode > 7 and frame.length > CONTROL_FRAME:
            return None
        result: bool | None = super().onFrameData(payload)
        return result

    @override
    def onPing(self, payload: bytes) -> None:
        """Answer a ping, within the bounds of `Pongs`."""
        self._pongs.answer(payload)

    @override
    def processControlFrame(self) -> bool:
        """Handle a control frame, except unsolicited pongs, each of which Autobahn would log."""
        payload = b"".join(self.control_frame_data)
        if self.current_frame.opcode == PONG and payload != self.autoPingPending:
            self.control_frame_data = None
            if self.on_pong is not None:
                self.on_pong(payload)
            return True
        return bool(super().processControlFrame())

    @override
    def onConnect(self, request: Any) -> str | None:
        """A client requests the upgrade; returns the subprotocol of its answer, if any."""
        make_handler = self.make_handler
        del self.make_handler  # it may refer to a session, which this object outlives
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
        return self.subprotocol

    @override
    def onOpen(self) -> None:
        """The upgrade is done."""
        if self._dispatcher is not None:
            self._dispatcher.begin()

    @override
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """A whole message has arrived."""
        self._incoming.finish()
        if self._dispatcher is not None:
            self._dispatcher.receive(payload, binary=isBinary)

    @override
    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The WebSocket is closed, cleanly or not."""
        if self._dispatcher is not None:
            self._dispatcher.end(for_good=wasClean and code in self.factory.goodbyes)
            self._inbox.put(0, self._incoming.settle, lambda _: None, lambda _: None)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection has ended, with or without an upgrade."""
        if self._parting is not None and self._parting.active():
            self._parting.cancel()
        self._intake.stop()
        self._incoming.stop()
        self._pongs.stop()
        super().connectionLost(reason)
        self.on_closed()

    @override
    def dropConnection(self, abort: bool = False) -> None:
        """End the connection: without a reset if the closing handshake is complete.

        Autobahn resets it even after the client's answer to a close frame, and a browser then
        reports that the close was not clean.
        """
        abort = abort and not self.wasClean
        super().dropConnection(abort=abort)
        if not abort and self._parting is None:
            # What was written may wait for a client that reads nothing.
            cut = self.transport.abortConnection
            self._parting = self.factory.reactor.callLater(PARTING, cut)

    def register_producer(self, producer: PushProducer) -> None:
        """See `WebSocket.register_producer`."""
        self.transport.unregisterProducer()  # the HTTP channel, which had the transport before
        self.transport.registerProducer(producer, True)

    @property
    def can_send(self) -> bool:
        """See `WebSocket.can_send`."""
        return bool(self.state == self.STATE_OPEN)

    def close_with(self, code: int, word: str, sentence: str) -> None:
        """See `WebSocket.close_with`.

        Autobahn's `sendClose` refuses the codes between 1000 and 3000.
        """
        self.close_plainly(code, close_reason(word, sentence))

    def close_plainly(self, code: int, reason: str) -> None:
        """See `WebSocket.close_plainly`."""
        self.said_goodbye = True
        cut = reason.encode("utf-8", "replace")[:CLOSE_REASON].decode("utf-8", "ignore")
        self.sendCloseFrame(code=code, reasonUtf8=cut.encode("utf-8"))

    @override
    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Write to the transport.

        Autobahn's own method formats each write for a log that is off, which takes ten times as
        long. Its other features, such as writing in pieces, are not used here.
        """
        self.transport.write(data)

    @override
    def sendHttpErrorResponse(
        self,
        code: int,
        reason: str,
        responseHeaders: Iterable[tuple[str, str]] | None = None,
    ) -> None:
        """Answer a refused upgrade in JSON."""
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
        """Close for what Autobahn objects to, with a JSON reason."""
        super()._fail_connection(code, close_reason(_WORDS.get(code, "protocol_error"), reason))


@define
class Timers:
    """Sets Autobahn's timers by our clock; Autobahn's own would use the global reactor."""

    _clock: IReactorTime

    def call_later(self, delay: float, call: Callable[..., Any], *args: Any) -> IDelayedCall:
        """Call `call` in `delay` seconds."""
        return self._clock.callLater(delay, call, *args)


class WebSocketFactory(WebSocketServerFactory):  # type: ignore[misc]
    """Makes the protocol for each upgrade."""

    protocol = WebSocketProtocol

    def __init__(
        self,
        *,
        lifetime: LifetimeLimits,
        message_bytes: int,
        ping_seconds: float,
        ping_timeout: float,
        goodbyes: tuple[int | None, ...],
        now: Callable[[], str],
        reactor: Any,
        parser: Parser,
        rota: Rota,
        memory: AddressMemory,
    ) -> None:
        super().__init__(server=f"sagecell-tx/{__version__}", reactor=reactor)
        self.lifetime = lifetime
        self.parser = parser
        self.now = now
        self.rota = rota
        self.memory = memory
        self.goodbyes = goodbyes
        self._batched_timer = Timers(reactor)
        self.setProtocolOptions(
            maxFramePayloadSize=message_bytes,
            maxMessagePayloadSize=message_bytes,
            failByDrop=False,
            # Autobahn's own UTF-8 validation takes ten times as long as Python's.
            utf8validateIncoming=False,
            openHandshakeTimeout=10,
            closeHandshakeTimeout=5,
            # A client that has vanished, or never reads, does not answer pings.
            autoPingInterval=ping_seconds,
            autoPingTimeout=ping_timeout,
            tcpNoDelay=True,
        )
