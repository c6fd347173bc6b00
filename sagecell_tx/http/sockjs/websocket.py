"""SockJS on WebSockets: with its frames, and raw, where each message is just that.

Source: sockjs-protocol 0.3.3, "WebSocket protocols" and "Raw WebSocket url".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from zope.interface import implementer

from sagecell_tx.http.sockjs.connection import IDLE, ROOM, Begin, Connection, Talk
from sagecell_tx.http.transports.websocket import (
    CONTINUATION,
    NORMAL,
    TEXT,
    TRY_AGAIN_LATER,
    Socket,
)
from sagecell_tx.limits import SockJSLimits
from sagecell_tx.wire import sockjswire
from sagecell_tx.wire.messages import WireError
from sagecell_tx.wire.sockjswire import PayloadExpected, Piece


def _write(socket: Socket, piece: Piece) -> None:
    """Write a piece as a frame of the WebSocket's message."""
    opcode = TEXT if piece.first else CONTINUATION
    socket.sendFrame(opcode=opcode, payload=piece.data, fin=piece.last)


@implementer(IPushProducer)
@define(eq=False)
class FramedSocket:
    """A WebSocket that takes all of one connection's frames, from its beginning to its end."""

    _socket: Socket
    _connection: Connection
    _paused: bool = field(default=False, init=False)

    # --- Speaker

    def begin(self) -> None:
        """The upgrade is done."""
        self._socket.transport.unregisterProducer()  # the HTTP channel, whose transport it was
        self._socket.transport.registerProducer(self, True)
        self._connection.attach(self)

    def read(self, text: bytes, date: str) -> list[Any]:
        """The messages that the client sent; raises `WireError` when they are none."""
        try:
            return [self._connection.read(message) for message in sockjswire.parse(text)]
        except PayloadExpected:
            return []  # empty frames are let pass

    def heed(self, said: list[Any]) -> None:
        """See `Speaker.heed`."""
        for each in said:
            self._connection.receive(each)

    def end(self, *, for_good: bool) -> None:
        """The client is gone, and comes back as another one."""
        self._paused = True
        self._connection.forget()

    # --- Receiver

    @property
    def writable(self) -> bool:
        """See `Receiver.writable`."""
        return not self._paused and self._socket.talking

    @property
    def full(self) -> bool:
        """See `Receiver.full`."""
        return False

    def write(self, piece: Piece) -> None:
        """See `Receiver.write`."""
        _write(self._socket, piece)

    def finish(self) -> None:
        """See `Receiver.finish`. Why was said in the last frame."""
        self._socket.end_with(NORMAL, "closed", "The connection is closed.")

    def abandon(self) -> None:
        """See `Receiver.abandon`."""
        # Behind what the client does not read; it is cut off when it does not answer.
        self._socket.end_with(TRY_AGAIN_LATER, "stalled", "Nothing was taken for too long.")

    # --- IPushProducer

    def pauseProducing(self) -> None:  # noqa: N802
        """The client is slow."""
        self._paused = True

    def resumeProducing(self) -> None:  # noqa: N802
        """The client has caught up."""
        self._paused = False
        self._connection.resume()

    def stopProducing(self) -> None:  # noqa: N802
        """The client is gone; `end` follows."""
        self._paused = True


@implementer(IPushProducer)
@define(kw_only=True, eq=False)
class RawSocket:
    """A WebSocket without frames, heartbeats or greeting: a talk's link and its client in one."""

    socket: Socket
    address: str
    begin_talk: Begin
    clock: IReactorTime
    limits: SockJSLimits
    on_end: Callable[[], None]
    _talk: Talk | None = field(default=None, init=False)
    _pieces: Iterator[Piece] = field(factory=lambda: iter(()), init=False)
    _idle: IDelayedCall | None = field(default=None, init=False)
    _paused: bool = field(default=False, init=False)
    _pumping: bool = field(default=False, init=False)

    # --- Speaker

    def begin(self) -> None:
        """The upgrade is done."""
        self.socket.transport.unregisterProducer()  # the HTTP channel, whose transport it was
        self.socket.transport.registerProducer(self, True)
        self._idle = self.clock.callLater(self.limits.idle_seconds, self.close, *IDLE)
        talk = self.begin_talk(self)
        if self.socket.talking:
            self._talk = talk
            self._pump()
        else:  # it was closed as it began
            talk.end()

    def read(self, text: bytes, date: str) -> Any:
        """The message that the client sent; raises `WireError` when that is no text."""
        try:
            message = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise WireError("invalid_json", "The message is not UTF-8.") from error
        talk = self._talk
        return None if talk is None else talk.read(message)

    def heed(self, said: Any) -> None:
        """See `Speaker.heed`."""
        if self._talk is not None:
            self._stir()
            self._talk.receive(said)

    def end(self, *, for_good: bool) -> None:
        """The client is gone."""
        self._paused = True
        self._finish()
        on_end, self.on_end = self.on_end, lambda: None
        on_end()

    # --- Link

    def wake(self) -> None:
        """See `Link.wake`."""
        self._pump()

    def close(self, code: int, reason: str) -> None:
        """See `Link.close`."""
        self._finish()
        self.socket.end_with(code, "closed", reason)

    def abandon(self, code: int, reason: str) -> None:
        """See `Link.abandon`."""
        self._finish()
        self.socket.end_with(TRY_AGAIN_LATER, "stalled", reason)

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

    # --- inside

    def _finish(self) -> None:
        if self._idle is not None and self._idle.active():
            self._idle.cancel()
        talk, self._talk = self._talk, None
        if talk is not None:
            talk.end()

    def _stir(self) -> None:
        if self._idle is not None and self._idle.active():
            self._idle.reset(self.limits.idle_seconds)

    def _pump(self) -> None:
        if self._pumping:
            return
        self._pumping = True
        try:
            while not self._paused and self.socket.talking:
                piece = next(self._pieces, None)
                if piece is not None:
                    _write(self.socket, piece)
                elif not self._find_something():
                    break
        finally:
            self._pumping = False

    def _find_something(self) -> bool:
        messages = self._talk.take(ROOM) if self._talk is not None else []
        if messages:
            self._stir()
            self._pieces = chain.from_iterable(map(sockjswire.plain, messages))
        return bool(messages)
