"""WebSockets joined with kernels. The only module that knows Autobahn.

    -> one Jupyter message, as JSON text
    <- each Jupyter message that the kernel says, as JSON text

What is not a message at all closes the socket with a code and a JSON reason. A message that
cannot be delivered is answered on iopub with an `error` whose parent it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from attrs import define, field
from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionDeny
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from twisted.web.resource import IResource
from typing_extensions import override
from zope.interface import implementer

from sagecell_tx import __version__
from sagecell_tx.config import Limits
from sagecell_tx.sessions.bridge import Attachment, Undeliverable
from sagecell_tx.sessions.fleet import Fleet
from sagecell_tx.sessions.session import Session
from sagecell_tx.wire import textwire
from sagecell_tx.wire.messages import Message, WireError, dump

_log = Logger()

#: Bytes to take from the outbox at once.
ROOM = 256 * 1024

#: A content from this size on is written in frames of it, as the client takes them.
FRAME = 64 * 1024

# Opcodes and close codes of RFC 6455.
CONTINUATION = 0
TEXT = 1
NORMAL = 1000
UNSUPPORTED_DATA = 1003
INVALID_DATA = 1007
POLICY_VIOLATION = 1008
MESSAGE_TOO_BIG = 1009
INTERNAL_ERROR = 1011
TRY_AGAIN_LATER = 1013

#: The words for what Autobahn itself objects to.
_WORDS = {INVALID_DATA: "invalid_utf8", MESSAGE_TOO_BIG: "message_too_big"}


def close_reason(code: str, message: str) -> str:
    """A JSON object that fits into a close frame, which has 123 bytes for it."""
    room = 123 - len(dump({"error": code, "message": ""}))
    while len(dump(message)) - 2 > room:
        message = message[:-1]
    return dump({"error": code, "message": message}).decode("ascii")


@implementer(IPushProducer)
@define(eq=False)
class Conversation:
    """One client's WebSocket and its hold on a session: the session's listener."""

    _socket: ChannelsProtocol
    _session: Session
    _attachment: Attachment = field(init=False)
    _paused: bool = field(default=False, init=False)
    _frames: Iterator[tuple[int, bytes, bool]] = field(default=iter(()), init=False)
    _closing: str | None = field(default=None, init=False)

    def begin(self) -> None:
        """Take part in the session, as fast as the transport takes what is said."""
        self._attachment = self._session.attach(self)
        transport = self._socket.transport
        transport.unregisterProducer()  # the HTTP channel, whose transport it was
        transport.registerProducer(self, True)
        self._pump()

    def end(self) -> None:
        """The client is gone."""
        self._paused = True
        self._attachment.detach()

    def receive(self, text: bytes, date: str) -> None:
        """Pass on what the client sent; raises `WireError` when it is not a message."""
        try:
            message = textwire.parse(text, date=date)
        except textwire.UnknownChannel as error:
            self._refuse(error.code, error.message, error.header)
            return
        try:
            self._attachment.send(message)
        except Undeliverable as error:
            self._refuse(error.code, error.message, message.header)

    # --- Listener

    def wake(self) -> None:
        """There is something to take."""
        if not self._paused:
            self._pump()

    def close(self, reason: str) -> None:
        """The session is over, or this client too slow for it."""
        self._closing = reason
        if not self._paused:
            self._pump()

    # --- IPushProducer

    def pauseProducing(self) -> None:  # noqa: N802
        """The client is slow."""
        self._paused = True

    def resumeProducing(self) -> None:  # noqa: N802
        """The client has caught up."""
        self._paused = False
        self._pump()

    def stopProducing(self) -> None:  # noqa: N802
        """The client is gone; `end` follows."""
        self._paused = True

    def _pump(self) -> None:
        """Write while there is something to write and the transport takes it."""
        while self._may_write():
            for opcode, payload, last in self._frames:
                self._socket.sendFrame(opcode=opcode, payload=payload, fin=last)
                if not self._may_write():
                    return
            messages = self._attachment.take(ROOM) if self._closing is None else []
            if not messages:
                break
            self._frames = frames_of(messages)
        if self._closing is not None and self._may_write():
            self._say_goodbye(self._closing)

    def _may_write(self) -> bool:
        return not self._paused

    def _say_goodbye(self, reason: str) -> None:
        self._paused = True
        if reason == "stalled":
            code, message = TRY_AGAIN_LATER, "Too slow: nothing was taken for too long."
        else:
            code, message = NORMAL, "The session is over."
        self._socket.sendClose(code, close_reason(reason, message))

    def _refuse(self, code: str, message: str, header: bytes) -> None:
        """Tell this client alone that its request goes nowhere."""
        content = {"ename": code, "evalue": message, "traceback": [f"{code}: {message}"]}
        refusal = self._session.say("error", content, header)
        self._frames = chain(self._frames, frames_of([refusal]))
        self.wake()


def frames_of(messages: Iterable[Message]) -> Iterator[tuple[int, bytes, bool]]:
    """Opcode, payload and FIN of the frames of these messages; long contents take several."""
    for message in messages:
        before, content, after = textwire.render(message)
        if len(content) <= FRAME:
            yield TEXT, b"".join((before, content, after)), True
            continue
        yield TEXT, before, False
        for start in range(0, len(content), FRAME):
            yield CONTINUATION, content[start : start + FRAME], False
        yield CONTINUATION, after, True


class ChannelsProtocol(WebSocketServerProtocol):  # type: ignore[misc]
    """Autobahn's side of a `Conversation`."""

    factory: ChannelsFactory
    conversation: Conversation | None = None

    @override
    def onConnect(self, request: Any) -> None:
        """A client asks for the upgrade: the kernel may have ended since it did."""
        kernel_id = request.path.rsplit("/", 2)[-2]
        session = self.factory.fleet.get(kernel_id)
        if session is None:
            raise ConnectionDeny(404, "There is no such kernel, or it has ended.")
        self.conversation = Conversation(self, session)

    @override
    def onOpen(self) -> None:
        """The upgrade is done."""
        if self.conversation is not None:
            try:
                self.conversation.begin()
            except Exception:
                _log.failure("beginning a conversation")
                self.sendClose(INTERNAL_ERROR, close_reason("internal_error", ""))

    @override
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """The client said something, whatever it is."""
        if self.conversation is None:
            return
        if isBinary:
            self.sendClose(
                UNSUPPORTED_DATA, close_reason("binary_message", "Messages are JSON text here.")
            )
            return
        try:
            self.conversation.receive(payload, self.factory.now())
        except WireError as error:
            code = INVALID_DATA if error.code == "invalid_json" else POLICY_VIOLATION
            self.sendClose(code, close_reason(error.code, error.message))

    @override
    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The socket is gone."""
        if self.conversation is not None:
            conversation, self.conversation = self.conversation, None
            conversation.end()

    @override
    def _fail_connection(self, code: int = INTERNAL_ERROR, reason: str = "") -> None:
        """Say in JSON what Autobahn objects to."""
        super()._fail_connection(code, close_reason(_WORDS.get(code, "protocol_error"), reason))


class ChannelsFactory(WebSocketServerFactory):  # type: ignore[misc]
    """Makes the protocol for each upgrade."""

    protocol = ChannelsProtocol

    def __init__(
        self, *, fleet: Fleet, limits: Limits, now: Callable[[], str], reactor: Any
    ) -> None:
        super().__init__(server=f"sagecell-tx/{__version__}", reactor=reactor)
        self.fleet = fleet
        self.now = now
        self.setProtocolOptions(
            maxFramePayloadSize=limits.client_message,
            maxMessagePayloadSize=limits.client_message,
            failByDrop=False,
            openHandshakeTimeout=10,
            closeHandshakeTimeout=5,
            # A client that is gone without a word, or never reads, does not answer.
            autoPingInterval=limits.ping,
            autoPingTimeout=limits.stalled,
            tcpNoDelay=True,
        )


@define(kw_only=True)
class Channels:
    """Turns requests into conversations. `now` gives the time as ISO 8601 text."""

    fleet: Fleet
    limits: Limits
    now: Callable[[], str]
    reactor: Any
    _resource: IResource = field(init=False)

    def __attrs_post_init__(self) -> None:
        factory = ChannelsFactory(
            fleet=self.fleet, limits=self.limits, now=self.now, reactor=self.reactor
        )
        self._resource = WebSocketResource(factory)

    def resource(self) -> IResource:
        """The resource that takes a request's transport over."""
        return self._resource
