"""Processes what a connection sends in steps, between which the other connections have their turns.

One read brings 64 KiB, which can be thousands of small frames or requests. Many connections with
little to process are as much work as one with much: see `connections/rota.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.server import Request
from typing_extensions import override

from sagecell_tx.http.connections.rota import Rota
from sagecell_tx.http.connections.strict import StrictChannel

_log = Logger()

#: Steps in one turn: enough for 64 short messages, since a frame takes two steps.
STEPS = 128

#: Pings that are answered within so many seconds. Of any more, only the latest is: RFC 6455,
#: section 5.5.3.
PONGS = 16
PONGS_IN = 1.0


@define(kw_only=True, eq=False)
class Intake:
    """Processes received data step by step.

    `step` does one step and returns whether there is more to process. `pause` and `resume` stop
    and start receiving, which stays paused as long as anybody holds it. `abort` closes the
    connection after a step that raised in a later turn; in the first turn, its reactor does so.
    """

    rota: Rota
    who: str  # the name by which the client takes turns
    step: Callable[[], bool]
    pause: Callable[[], None]
    resume: Callable[[], None]
    abort: Callable[[], None]
    _holders: set[object] = field(factory=set, init=False)
    _waits: bool = field(default=False, init=False)

    def hold(self, holder: object) -> None:
        """Receive nothing more until the same holder releases it."""
        self._holders.add(holder)
        self.pause()

    def release(self, holder: object) -> None:
        """Receive again, unless there is another holder."""
        self._holders.discard(holder)
        if not self._holders:
            self.resume()

    def go_on(self) -> None:
        """Process what was received, in this turn of the reactor and as many more as needed."""
        if self._waits:
            return
        for _ in range(STEPS):
            if not self.rota.has_time:
                break
            if not self.step():
                if self in self._holders:
                    self.release(self)
                return
        self.hold(self)
        self._waits = True
        self.rota.wait(self.who, self._next)

    def stop(self) -> None:
        """Process nothing more: the connection has ended."""
        self._waits = False
        self.rota.leave(self.who, self._next)

    def _next(self) -> None:
        self._waits = False
        try:
            self.go_on()
        except Exception:
            _log.failure("cannot process what a client sent: its connection is closed")
            self.abort()


@define(kw_only=True, eq=False)
class Pongs:
    """Answers pings at a bounded rate, so that answers that nobody reads do not pile up."""

    clock: IReactorTime
    send: Callable[[bytes], None]
    _sent: int = field(default=0, init=False)
    _latest: bytes | None = field(default=None, init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)

    def answer(self, payload: bytes) -> None:
        """Answer a ping: at once, or later if there were too many and it is the latest."""
        if self._timer is None:
            self._sent = 0
            self._timer = self.clock.callLater(PONGS_IN, self._again)
        if self._sent < PONGS:
            self._sent += 1
            self.send(payload)
        else:
            self._latest = payload

    def stop(self) -> None:
        """Answer nothing more: the connection has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _again(self) -> None:
        self._timer = None
        latest, self._latest = self._latest, None
        if latest is not None:
            self.answer(latest)


class FairChannel(StrictChannel):
    """An HTTP connection that takes turns: to read what it receives, and for each request.

    Twisted would answer all requests of one read in nested calls, even if nobody reads the answers.
    `peer` is the name by which the connection takes turns; from a request's headers on, it is the
    name that `holder` gives for that request.
    """

    clock: IReactorTime
    rota: Rota
    peer: str
    holder: Callable[[IRequest], str]
    _asks: str | None = None  # the name of the client that made the request
    _awaited: Callable[[], None] | None = None  # called in the next turn
    _between = False  # further requests were received, and none is being processed

    def __init__(self) -> None:
        super().__init__()
        self._unread: list[bytes] = []

    @override
    def dataReceived(self, data: bytes) -> None:
        """Read `data` now or in a later turn. While a request is answered, little is buffered."""
        if self._unread:
            self._unread.append(data)
        elif self._handlingRequest:
            super().dataReceived(data)
            # Twisted would go on receiving while the client does not read the answer.
            if sum(map(len, self._dataBuffer)) > self._optimisticEagerReadSize:
                self._networkProducer.pauseProducing()
        elif self.rota.is_free:
            super().dataReceived(data)
        else:
            self._unread.append(data)
            self._networkProducer.pauseProducing()
            self._wait(self._read)

    def in_turn(self, call: Callable[[], None]) -> None:
        """Call now if there is time, else in a later turn unless the connection ends before it."""
        if self.rota.is_free:
            call()
        else:
            self._wait(call)

    @override
    def allHeadersReceived(self) -> None:
        """Take turns as the request's client from now on."""
        self._asks = self.holder(self.requests[-1])
        super().allHeadersReceived()

    @override
    def requestDone(self, request: Request) -> None:
        """An answer is written. The next request, if it was received already, waits for a turn."""
        waiting, self._dataBuffer = self._dataBuffer, []
        if not self.persistent or not (self._buffer or any(waiting)):
            self._asks = None
            super().requestDone(request)
            return
        super().requestDone(request)
        # Keep what was received as if the request were still being answered. It counts as the same
        # client's: no proxy sends another client's request before the answer to this one.
        self._dataBuffer, self._handlingRequest, self._between = waiting, True, True
        self.setRawMode()
        self._networkProducer.pauseProducing()
        self._wait(self._next_request)

    @override
    def resumeProducing(self) -> None:
        """The client has read what was written."""
        super().resumeProducing()
        if self._unread:  # still waiting for a turn
            self._networkProducer.pauseProducing()
        if self._between and self._awaited is None:
            self._wait(self._next_request)

    @override
    def loseConnection(self) -> None:
        """Close when everything is written. What was received and not read yet is dropped."""
        self._stop_waiting()
        super().loseConnection()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection has ended, and takes no more turns."""
        self._stop_waiting()
        super().connectionLost(reason)

    # --- turns

    @property
    def _who(self) -> str:
        return self.peer if self._asks is None else self._asks

    def _wait(self, call: Callable[[], None]) -> None:
        self._awaited = call
        self.rota.wait(self._who, self._have_turn)

    def _stop_waiting(self) -> None:
        self._unread.clear()
        if self._awaited is not None:
            self._awaited = None
            self.rota.leave(self._who, self._have_turn)

    def _have_turn(self) -> None:
        call, self._awaited = self._awaited, None
        assert call is not None, "otherwise it does not wait for a turn"
        try:
            call()
        except Exception:
            _log.failure("cannot process what a client sent: its connection is closed")
            self.forceAbortClient()

    def _read(self) -> None:
        data, self._unread = b"".join(self._unread), []
        if not self._waitingForTransport:
            self._networkProducer.resumeProducing()
        super().dataReceived(data)

    def _next_request(self) -> None:
        if self._waitingForTransport:
            return
        data: bytes = b"".join(self._dataBuffer)
        self._dataBuffer: list[Any] = []
        self._handlingRequest = self._between = False
        self._asks = None
        self._networkProducer.resumeProducing()
        self.setLineMode(data)
