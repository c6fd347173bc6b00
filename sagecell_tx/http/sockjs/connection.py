"""SockJS connections: each outlives the requests and sockets that it is carried by.

A client has one connection and, one after another, the receivers that take what is said on it:
a poll takes one frame, a streaming response many, a WebSocket all. What is behind the connection
is a `SockJSHandler`. It is asked for more only when the receiver can take it: nothing waits here.

Source: sockjs-protocol 0.3.3, "Protocol and framing" and "Handling close".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from sagecell_tx.http.serving.pump import Pump
from sagecell_tx.limits import SockJSLimits
from sagecell_tx.wire import sockjswire
from sagecell_tx.wire.sockjswire import Piece, Text

_log = Logger()

#: Bytes to ask a handler for at once, about.
ROOM = 128 * 1024

#: What a second receiver is told while there is one, and what a client is told whose request broke.
ANOTHER = sockjswire.close_frame(2010, "Another connection still open")
INTERRUPTED = (1002, "Connection interrupted")
IDLE = (3000, "Nothing was said for too long.")
INTERNAL_ERROR = (1011, "The server made a mistake.")


class SockJSClient(Protocol):
    """The client, as its handler sees it. `address` is where it is, if known."""

    address: str

    def wake(self) -> None:
        """There is something to take, and the last take had found nothing."""

    def close(self, code: int, reason: str) -> None:
        """Say goodbye. What was not taken yet is not said any more."""

    def abandon(self, code: int, reason: str) -> None:
        """The client takes nothing: be rid of it at once."""


class SockJSHandler(Protocol):
    """What is behind a connection."""

    def parse(self, text: str) -> Any:
        """What the client means by `text`, whatever it is.

        Called in a thread when it is long, so it changes nothing.
        """

    def receive(self, parsed: Any) -> None:
        """The client sent what `parse` gave."""

    def read(self, room: int) -> list[Text]:
        """The next messages, about `room` bytes; none means that `SockJSClient.wake` will be called."""

    def end(self) -> None:
        """The connection is over. Called once, and last."""


#: Makes the handler of a connection.
MakeHandler = Callable[[SockJSClient], SockJSHandler]


class Receiver(Protocol):
    """What takes a connection's frames."""

    @property
    def writable(self) -> bool:
        """It takes a piece now; otherwise `SockJSConnection.resume` is called when it does."""

    @property
    def full(self) -> bool:
        """After the frame that was just written it takes no other one."""

    def write(self, piece: Piece) -> None:
        """Write a piece of a frame."""

    def finish(self) -> None:
        """There is nothing more to be written on it."""

    def abandon(self) -> None:
        """The client is cut off."""


@define(kw_only=True, eq=False)
class SockJSConnection:
    """One client's connection, from its first receiver until none has come for a while.

    `on_end` is called when it is over and can be forgotten.
    """

    clock: IReactorTime
    limits: SockJSLimits
    stalled: float  # seconds that a client may take nothing
    make_handler: MakeHandler
    on_end: Callable[[], None]
    address: str = ""
    _handler: SockJSHandler | None = field(default=None, init=False)
    _receiver: Receiver | None = field(default=None, init=False)
    _pump: Pump[Piece] = field(init=False)
    _goodbye: Piece | None = field(default=None, init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)
    _last_message: float = field(default=0.0, init=False)  # by either side, heartbeats apart
    _last_written: float = field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        self._pump = Pump(writable=self._writable, write=self._write, more=self._next_frame)
        self._pump.pieces = iter([sockjswire.OPEN])

    @property
    def is_open(self) -> bool:
        """The handler is there, and was not told the end."""
        return self._handler is not None

    # --- for the transports

    def attach(self, receiver: Receiver) -> None:
        """Let `receiver` take what is said from now on, if nobody else does."""
        if self._goodbye is None and self._receiver is not None:
            receiver.write(ANOTHER)
            receiver.finish()
            return
        self._receiver = receiver
        self._last_written = self.clock.seconds()
        self._set_timer(self.limits.heartbeat_seconds, self._heartbeat)
        if self._handler is None and self._goodbye is None:
            self._last_message = self.clock.seconds()
            self._begin()
        self._pump.run()

    def resume(self) -> None:
        """The receiver takes more."""
        self._pump.run()

    def receiver_lost(self, receiver: Receiver) -> None:
        """The receiver broke. What was on its way may be lost, so everything is."""
        if receiver is self._receiver:
            self._detach()
            self._end(*INTERRUPTED)

    def parse(self, text: str) -> Any:
        """See `SockJSHandler.parse`."""
        handler = self._handler
        return None if handler is None else handler.parse(text)

    def receive(self, parsed: Any) -> None:
        """The client sent something, which `parse` gave."""
        if self._handler is None:
            return
        self._last_message = self.clock.seconds()
        try:
            self._handler.receive(parsed)
        except Exception:
            _log.failure("receiving what a SockJS client said")
            self.close(*INTERNAL_ERROR)

    def expire(self) -> None:
        """Nobody will come back. A second time changes nothing."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._receiver = self._timer = None
        self._end(*INTERRUPTED)
        on_end, self.on_end = self.on_end, lambda: None
        on_end()

    # --- SockJSClient

    def wake(self) -> None:
        """See `SockJSClient.wake`."""
        self._pump.run()

    def close(self, code: int, reason: str) -> None:
        """See `SockJSClient.close`."""
        self._end(code, reason)
        self._pump.run()

    def abandon(self, code: int, reason: str) -> None:
        """See `SockJSClient.abandon`."""
        self._end(code, reason)
        receiver = self._receiver
        if receiver is not None:
            self._detach()
            receiver.abandon()

    # --- inside

    def _begin(self) -> None:
        try:
            handler = self.make_handler(self)
        except Exception:
            _log.failure("beginning a talk")
            self._end(*INTERNAL_ERROR)
            return
        if self._goodbye is None:
            self._handler = handler
        else:  # it was closed as it began
            handler.end()

    def _end(self, code: int, reason: str) -> None:
        """From now on the goodbye is all there is to say."""
        if self._goodbye is not None:
            return
        self._goodbye = sockjswire.close_frame(code, reason)
        handler, self._handler = self._handler, None
        if handler is not None:
            handler.end()

    def _writable(self) -> bool:
        return self._receiver is not None and self._receiver.writable

    def _next_frame(self) -> Iterator[Piece] | None:
        """The next frame, if there is one."""
        if self._goodbye is not None:
            return iter([self._goodbye])
        assert self._handler is not None, "it began before the first frame was taken"
        try:
            messages = self._handler.read(ROOM)
        except Exception:
            _log.failure("taking what is said to a SockJS client")
            self._end(*INTERNAL_ERROR)
            messages = []
        if messages:
            self._last_message = self.clock.seconds()
            return sockjswire.array(messages)
        # Taking may have brought about the end.
        return None if self._goodbye is None else iter([self._goodbye])

    def _write(self, piece: Piece) -> None:
        receiver = self._receiver
        assert receiver is not None, "without one, nothing is writable"
        self._last_written = self.clock.seconds()
        receiver.write(piece)
        if piece.last and receiver is self._receiver:
            if receiver.full or piece is self._goodbye:
                self._detach()
                receiver.finish()
            else:
                self._set_timer(self.limits.heartbeat_seconds, self._heartbeat)

    def _detach(self) -> None:
        """The receiver takes nothing more; another one has to come before long."""
        self._receiver = None
        self._pump.drop()
        self._set_timer(self.limits.disconnect_seconds, self.expire)

    def _heartbeat(self) -> None:
        now, receiver = self.clock.seconds(), self._receiver
        assert receiver is not None, "the timer is another one without a receiver"
        self._set_timer(self.limits.heartbeat_seconds, self._heartbeat)
        if not receiver.writable:
            if now - self._last_written >= self.stalled:
                _log.info("a SockJS client takes nothing and is let go")
                self.abandon(*INTERRUPTED)
        elif self._goodbye is None and now - self._last_message >= self.limits.idle_seconds:
            self.close(*IDLE)
        else:
            self._write(sockjswire.HEARTBEAT)

    def _set_timer(self, delay: float, call: Callable[[], None]) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = self.clock.callLater(delay, call)
