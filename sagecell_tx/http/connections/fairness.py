"""What one connection sends is dealt with bit by bit: the others have their turns in between.

One read brings 64 KiB, which are thousands of frames or requests when these are small.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.server import Request
from typing_extensions import override

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

    clock: IReactorTime
    step: Callable[[], bool]
    pause: Callable[[], None]
    resume: Callable[[], None]
    _holders: set[object] = field(factory=set, init=False)
    _turn: IDelayedCall | None = field(default=None, init=False)

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
        if self._turn is not None:
            return
        for _ in range(STEPS):
            if not self.step():
                if self in self._holders:
                    self.release(self)
                return
        self.hold(self)
        self._turn = self.clock.callLater(0, self._next)

    def stop(self) -> None:
        """The connection is over."""
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _next(self) -> None:
        self._turn = None
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
    """An HTTP connection that answers one request in each turn, while its answers are taken.

    Twisted answers all that one read brought, one within another, whether or not anybody reads.
    """

    clock: IReactorTime
    _between = False  # further requests are there, and none is looked at
    _turn: IDelayedCall | None = None

    @override
    def requestDone(self, request: Request) -> None:
        """An answer is written; perhaps the next request is there already."""
        waiting, self._dataBuffer = self._dataBuffer, []
        if not self.persistent or not (self._buffer or any(waiting)):
            super().requestDone(request)
            return
        super().requestDone(request)
        # What was received is kept as if the request was still being answered.
        self._dataBuffer, self._handlingRequest, self._between = waiting, True, True
        self.setRawMode()
        self._networkProducer.pauseProducing()
        self._turn = self.clock.callLater(0, self._next_request)

    @override
    def resumeProducing(self) -> None:
        """The client has taken what was written."""
        super().resumeProducing()
        if self._between and self._turn is None:
            self._turn = self.clock.callLater(0, self._next_request)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is over."""
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        super().connectionLost(reason)

    def _next_request(self) -> None:
        self._turn = None
        if self._waitingForTransport:
            return
        data: bytes = b"".join(self._dataBuffer)
        self._dataBuffer: list[Any] = []
        self._handlingRequest = self._between = False
        self._networkProducer.resumeProducing()
        self.setLineMode(data)
