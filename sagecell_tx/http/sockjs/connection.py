"""SockJS connections, each of which outlives the requests and sockets that carry it.

A client has one connection, and successive receivers that take its frames: a poll takes one, a
streaming response many, a WebSocket all. A `SockJSHandler` handles the connection's messages. It is
asked for messages only when the receiver can take them, so that nothing is buffered here.

Source: sockjs-protocol 0.3.3, "Protocol and framing" and "Handling close".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from sagecell_tx.http.serving.pump import Pump
from sagecell_tx.limits import SockJSLimits
from sagecell_tx.wire import sockjswire
from sagecell_tx.wire.sockjswire import Piece, Text

_log = Logger()

#: Approximate number of bytes to request from a handler at once.
ROOM = 128 * 1024

#: Messages of one frame that are handled in one turn of the reactor.
AT_ONCE = 50

#: For a second receiver while there is one.
ANOTHER = sockjswire.close_frame(2010, "Another connection still open")

#: For a client whose receiver broke off.
INTERRUPTED = (1002, "Connection interrupted")
IDLE = (3000, "The connection was idle for too long.")
GOING_AWAY = (3000, "The server is being restarted.")
INTERNAL_ERROR = (1011, "An internal error occurred.")


class SockJSClient(Protocol):
    """The client, as its handler sees it. `address` is its address, or "" if unknown."""

    address: str

    def wake(self) -> None:
        """Messages are available, after `SockJSHandler.read` returned none."""

    def close(self, code: int, reason: str) -> None:
        """Close the connection. Messages that were not read yet are dropped."""

    def abandon(self, code: int, reason: str) -> None:
        """Disconnect a client that reads nothing, at once."""


class SockJSHandler(Protocol):
    """Handles the messages of one connection."""

    def parse(self, text: str) -> Any:
        """Parse any message of the client. Must change nothing: may be called in a thread."""

    def receive(self, parsed: Any) -> None:
        """Handle a message, as `parse` returned it."""

    def read(self, room: int) -> list[Text]:
        """The next messages, about `room` bytes. After none, `SockJSClient.wake` must be called."""

    def end(self) -> None:
        """The connection has ended. Called once, and last."""


#: Makes the handler of a connection.
MakeHandler = Callable[[SockJSClient], SockJSHandler]


class Receiver(Protocol):
    """Takes a connection's frames: an HTTP response or a WebSocket."""

    @property
    def writable(self) -> bool:
        """Whether it takes a piece now; if not, it calls `SockJSConnection.resume` when it does."""

    @property
    def full(self) -> bool:
        """Whether it takes no other frame after the one that was just written."""

    def write(self, piece: Piece) -> None:
        """Write a piece of a frame."""

    def finish(self) -> None:
        """End the response or the WebSocket: nothing more is written."""

    def abandon(self) -> None:
        """Disconnect a client that reads nothing."""


@define(kw_only=True, eq=False)
class SockJSConnection:
    """One client's connection, from its first receiver until it has had none for a while.

    `on_end` is called once, when the connection has ended and its name may be used again.
    """

    clock: IReactorTime
    limits: SockJSLimits
    stalled: float  # seconds after which a client that reads nothing is disconnected
    make_handler: MakeHandler
    on_end: Callable[[], None]
    address: str = ""
    _handler: SockJSHandler | None = field(default=None, init=False)
    _receiver: Receiver | None = field(default=None, init=False)
    _pump: Pump[Piece] = field(init=False)
    _goodbye: Piece | None = field(default=None, init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)
    _last_message: float = field(default=0.0, init=False)  # of either side, except heartbeats
    _last_written: float = field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        self._pump = Pump(writable=self._writable, write=self._write, more=self._next_frame)
        self._pump.pieces = iter([sockjswire.OPEN])

    @property
    def is_open(self) -> bool:
        """Whether the handler has begun and has not ended."""
        return self._handler is not None

    # --- for the transports

    def attach(self, receiver: Receiver) -> None:
        """Write to `receiver` from now on, or close it if the connection has one already."""
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
        """The receiver takes more pieces."""
        self._pump.run()

    def receiver_lost(self, receiver: Receiver) -> None:
        """The receiver broke off. Frames may be lost, so the connection ends."""
        if receiver is self._receiver:
            self._detach()
            self._end(*INTERRUPTED)

    def parse(self, text: str) -> Any:
        """See `SockJSHandler.parse`."""
        handler = self._handler
        return None if handler is None else handler.parse(text)

    def receive(self, parsed: Any) -> None:
        """Handle a message, as `parse` returned it. Does nothing if the connection has ended."""
        if self._handler is None:
            return
        self._last_message = self.clock.seconds()
        try:
            self._handler.receive(parsed)
        except Exception:
            _log.failure("cannot handle a message of a SockJS client")
            self.close(*INTERNAL_ERROR)

    def receive_all(self, parsed: Sequence[Any]) -> Deferred[None]:
        """Handle messages in order, as `receive`, in several turns of the reactor if they are many.

        Fires after the last one. Cancelling it leaves out those of later turns.
        """
        for each in parsed[:AT_ONCE]:
            self.receive(each)
        rest = parsed[AT_ONCE:]
        if not rest:
            return succeed(None)
        return deferLater(self.clock, 0).addCallback(lambda _: self.receive_all(rest))

    def expire(self) -> None:
        """End the connection: no receiver will come. Harmless if repeated."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._receiver = self._timer = None
        self._pump.drop()
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
            _log.failure("cannot begin a SockJS connection")
            self._end(*INTERNAL_ERROR)
            return
        if self._goodbye is None:
            self._handler = handler
        else:  # it was closed while it began
            handler.end()

    def _end(self, code: int, reason: str) -> None:
        """End the handler. Receivers get only the close frame from now on."""
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
        assert self._handler is not None, "the first receiver begins it"
        try:
            messages = self._handler.read(ROOM)
        except Exception:
            _log.failure("cannot read the messages for a SockJS client")
            self._end(*INTERNAL_ERROR)
            messages = []
        if messages:
            self._last_message = self.clock.seconds()
            return sockjswire.array(messages)
        # Reading may have closed the connection.
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
        """Release the receiver; the connection expires unless another one is attached in time."""
        self._receiver = None
        self._pump.drop()
        self._set_timer(self.limits.disconnect_seconds, self.expire)

    def _heartbeat(self) -> None:
        now, receiver = self.clock.seconds(), self._receiver
        assert receiver is not None, "without one, the timer calls expire"
        self._set_timer(self.limits.heartbeat_seconds, self._heartbeat)
        if not receiver.writable:
            if now - self._last_written >= self.stalled:
                _log.info("disconnecting a SockJS client that reads nothing")
                self.abandon(*INTERRUPTED)
        elif self._goodbye is None and now - self._last_message >= self.limits.idle_seconds:
            self.close(*IDLE)
        else:
            self._write(sockjswire.HEARTBEAT)

    def _set_timer(self, delay: float, call: Callable[[], None]) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = self.clock.callLater(delay, call)
