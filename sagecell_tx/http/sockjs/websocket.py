"""SockJS over WebSockets: with frames, and raw, where each message is sent as it is.

Source: sockjs-protocol 0.3.3, "WebSocket protocols" and "Raw WebSocket url".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sagecell_tx.http.serving.pump import Pump, PushProducer
from sagecell_tx.http.sockjs.connection import (
    IDLE,
    ROOM,
    MakeHandler,
    SockJSConnection,
    SockJSHandler,
)
from sagecell_tx.http.transports.dispatch import (
    CONTINUATION,
    NORMAL,
    TEXT,
    TRY_AGAIN_LATER,
    WebSocket,
    refuse_binary,
)
from sagecell_tx.limits import SockJSLimits
from sagecell_tx.wire import sockjswire
from sagecell_tx.wire.sockjswire import PayloadExpected, Piece


def _write(socket: WebSocket, piece: Piece) -> None:
    """Write a piece as a frame of the WebSocket's message."""
    opcode = TEXT if piece.first else CONTINUATION
    socket.sendFrame(opcode=opcode, payload=piece.data, fin=piece.last)


@define(eq=False)
class FramedSocket:
    """A WebSocket that is the only receiver of its connection, from beginning to end."""

    _socket: WebSocket
    _connection: SockJSConnection
    _producer: PushProducer = field(init=False)

    parse_binary = staticmethod(refuse_binary)

    def __attrs_post_init__(self) -> None:
        self._producer = PushProducer(on_resumed=self._connection.resume)

    # --- MessageHandler

    def begin(self) -> None:
        """The upgrade is done."""
        self._socket.register_producer(self._producer)
        self._connection.attach(self)

    def parse(self, text: bytes, date: str) -> list[Any]:
        """The messages in a frame of the client's. Raises `WireError` for a malformed frame."""
        try:
            return [self._connection.parse(message) for message in sockjswire.parse(text)]
        except PayloadExpected:
            return []  # empty frames are ignored

    def handle(self, parsed: list[Any]) -> Deferred[None]:
        """See `MessageHandler.handle`."""
        return self._connection.receive_all(parsed)

    def end(self, *, for_good: bool) -> None:
        """The WebSocket has ended, and the connection with it."""
        self._producer.stopProducing()
        self._connection.expire()

    # --- Receiver

    @property
    def writable(self) -> bool:
        """See `Receiver.writable`."""
        return not self._producer.paused and self._socket.can_send

    @property
    def full(self) -> bool:
        """See `Receiver.full`."""
        return False

    def write(self, piece: Piece) -> None:
        """See `Receiver.write`."""
        _write(self._socket, piece)

    def finish(self) -> None:
        """See `Receiver.finish`. The last frame had the reason."""
        self._socket.close_with(NORMAL, "closed", "The connection is closed.")

    def abandon(self) -> None:
        """See `Receiver.abandon`."""
        # Queued behind what the client does not read. It is disconnected when it does not answer.
        self._socket.close_with(TRY_AGAIN_LATER, "stalled", "The client read nothing for too long.")


@define(kw_only=True, eq=False)
class RawSocket:
    """A WebSocket without frames, heartbeats or greeting; the `SockJSClient` of its handler."""

    socket: WebSocket
    address: str
    make_handler: MakeHandler
    clock: IReactorTime
    limits: SockJSLimits
    on_end: Callable[[], None]
    _handler: SockJSHandler | None = field(default=None, init=False)
    _producer: PushProducer = field(init=False)
    _pump: Pump[Piece] = field(init=False)
    _idle: IDelayedCall | None = field(default=None, init=False)

    parse_binary = staticmethod(refuse_binary)

    def __attrs_post_init__(self) -> None:
        self._pump = Pump(
            writable=self._writable, write=partial(_write, self.socket), more=self._next_messages
        )
        self._producer = PushProducer(on_resumed=self._pump.run)

    # --- MessageHandler

    def begin(self) -> None:
        """The upgrade is done."""
        self.socket.register_producer(self._producer)
        self._idle = self.clock.callLater(self.limits.idle_seconds, self.close, *IDLE)
        handler = self.make_handler(self)
        if self.socket.can_send:
            self._handler = handler
            self._pump.run()
        else:  # it was closed while it began
            handler.end()

    def parse(self, text: bytes, date: str) -> Any:
        """See `MessageHandler.parse`."""
        handler = self._handler
        return None if handler is None else handler.parse(text.decode("utf-8"))

    def handle(self, parsed: Any) -> None:
        """See `MessageHandler.handle`."""
        if self._handler is not None:
            self._restart_idle_timer()
            self._handler.receive(parsed)

    def end(self, *, for_good: bool) -> None:
        """The WebSocket has ended."""
        self._producer.stopProducing()
        self._pump.drop()
        self._finish()
        on_end, self.on_end = self.on_end, lambda: None
        on_end()

    # --- SockJSClient

    def wake(self) -> None:
        """See `SockJSClient.wake`."""
        self._pump.run()

    def close(self, code: int, reason: str) -> None:
        """See `SockJSClient.close`."""
        self._finish()
        self.socket.close_plainly(code, reason)

    def abandon(self, code: int, reason: str) -> None:
        """See `SockJSClient.abandon`."""
        self._finish()
        self.socket.close_with(TRY_AGAIN_LATER, "stalled", reason)

    # --- inside

    def _finish(self) -> None:
        if self._idle is not None and self._idle.active():
            self._idle.cancel()
        handler, self._handler = self._handler, None
        if handler is not None:
            handler.end()

    def _restart_idle_timer(self) -> None:
        if self._idle is not None and self._idle.active():
            self._idle.reset(self.limits.idle_seconds)

    def _writable(self) -> bool:
        return not self._producer.paused and self.socket.can_send

    def _next_messages(self) -> Iterator[Piece] | None:
        messages = self._handler.read(ROOM) if self._handler is not None else []
        if not messages:
            return None
        self._restart_idle_timer()
        return chain.from_iterable(map(sockjswire.plain, messages))
