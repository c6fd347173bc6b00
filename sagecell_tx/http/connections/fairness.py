"""What connections send is dealt with bit by bit: the others have their turns in between.

One read brings 64 KiB, which are thousands of frames or requests when these are small. And many
connections that have a little each are as much as one that has much: see `connections/rota.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.server import Request
from typing_extensions import override

from sagecell_tx.http.connections.rota import Rota
from sagecell_tx.http.connections.strict import StrictChannel

#: Steps in one turn. Two of them read a frame, or 64 short messages with all that comes of them.
STEPS = 128

#: Pings that are answered in so many seconds. Of more, the latest is: RFC 6455, section 5.5.3.
PONGS = 16
PONGS_IN = 1.0


@define(kw_only=True, eq=False)
class Intake:
    """What was received, dealt with step by step.

    `step` tells whether there is more. `pause` and `resume` are about receiving, which goes on
    when nobody holds it.
    """

    rota: Rota
    who: str  # whose the connection is
    step: Callable[[], bool]
    pause: Callable[[], None]
    resume: Callable[[], None]
    _holders: set[object] = field(factory=set, init=False)
    _waits: bool = field(default=False, init=False)

    def hold(self, holder: object) -> None:
        """Receive nothing more until it is released by the same holder."""
        self._holders.add(holder)
        self.pause()

    def release(self, holder: object) -> None:
        """Receive again, if nobody else holds it."""
        self._holders.discard(holder)
        if not self._holders:
            self.resume()

    def go_on(self) -> None:
        """Deal with what there is, in this turn of the reactor and those that follow."""
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
        """The connection is over."""
        self._waits = False
        self.rota.leave(self.who, self._next)

    def _next(self) -> None:
        self._waits = False
        self.go_on()


@define(kw_only=True, eq=False)
class Pongs:
    """Answers to pings, few enough not to pile up before a client that does not read them."""

    clock: IReactorTime
    send: Callable[[bytes], None]
    _sent: int = field(default=0, init=False)
    _latest: bytes | None = field(default=None, init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)

    def answer(self, payload: bytes) -> None:
        """Answer a ping, at once or when it is the latest of too many."""
        if self._timer is None:
            self._sent = 0
            self._timer = self.clock.callLater(PONGS_IN, self._again)
        if self._sent < PONGS:
            self._sent += 1
            self.send(payload)
        else:
            self._latest = payload

    def stop(self) -> None:
        """The connection is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _again(self) -> None:
        self._timer = None
        latest, self._latest = self._latest, None
        if latest is not None:
            self.answer(latest)


class FairChannel(StrictChannel):
    """An HTTP connection that has turns: to read what it receives, and for each request.

    Twisted answers all that one read brought, one within another, whether or not anybody reads.
    `peer` is the name by which it takes turns until a request's headers tell whose that is, which
    `holder` gives.
    """

    clock: IReactorTime
    rota: Rota
    peer: str
    holder: Callable[[IRequest], str]
    _asks: str | None = None  # whose the request is
    _awaited: Callable[[], None] | None = None  # what is done when its turn comes
    _between = False  # further requests are there, and none is looked at

    def __init__(self) -> None:
        super().__init__()
        self._unread: list[bytes] = []

    @override
    def dataReceived(self, data: bytes) -> None:
        """Something came. While a request is answered, a little of it is kept."""
        if self._unread:
            self._unread.append(data)
        elif self._handlingRequest:
            super().dataReceived(data)
            # Twisted would go on while its client does not take the answer.
            if sum(map(len, self._dataBuffer)) > self._optimisticEagerReadSize:
                self._networkProducer.pauseProducing()
        elif self.rota.is_free:
            super().dataReceived(data)
        else:
            self._unread.append(data)
            self._networkProducer.pauseProducing()
            self._wait(self._read)

    def in_turn(self, call: Callable[[], None]) -> None:
        """Call, at once if there is time; not at all when the connection ends before its turn."""
        if self.rota.is_free:
            call()
        else:
            self._wait(call)

    @override
    def allHeadersReceived(self) -> None:
        """A request's headers are there."""
        self._asks = self.holder(self.requests[-1])
        super().allHeadersReceived()

    @override
    def requestDone(self, request: Request) -> None:
        """An answer is written; perhaps the next request is there already."""
        waiting, self._dataBuffer = self._dataBuffer, []
        if not self.persistent or not (self._buffer or any(waiting)):
            self._asks = None
            super().requestDone(request)
            return
        super().requestDone(request)
        # What was received is kept as if the request was still being answered. It is the same
        # client's: no proxy asks for another before the answer is there.
        self._dataBuffer, self._handlingRequest, self._between = waiting, True, True
        self.setRawMode()
        self._networkProducer.pauseProducing()
        self._wait(self._next_request)

    @override
    def resumeProducing(self) -> None:
        """The client has taken what was written."""
        super().resumeProducing()
        if self._unread:  # what was received last is not looked at yet
            self._networkProducer.pauseProducing()
        if self._between and self._awaited is None:
            self._wait(self._next_request)

    @override
    def loseConnection(self) -> None:
        """Close when everything is written; nothing that was received is looked at any more."""
        self._stop_waiting()
        super().loseConnection()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is over."""
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
        assert call is not None, "or it would have left"
        call()

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
