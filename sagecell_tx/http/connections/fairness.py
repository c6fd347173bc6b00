"""What connections send is dealt with bit by bit: the others have their turns in between.

One read brings 64 KiB, which are thousands of frames or requests when these are small. And many
connections that have a little each are as much as one that has much. So all WebSockets and all
requests of a site share one `Rota`, in which clients take turns by their addresses.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.server import Request
from typing_extensions import override

from sagecell_tx.http.connections.strict import StrictChannel

#: Steps in one turn. Two of them read a frame, or 64 short messages with all that comes of them.
STEPS = 128

#: Seconds that all connections together have in one turn of the reactor.
SHARE = 0.01

#: Seconds that one step counts at most. What lasts longer is not its client's doing: the machine or
#: its clock has jumped, and the client would wait until everybody else has had as much.
MOST = 10 * SHARE

#: Addresses that do not wait, and whose time is remembered, before it is looked who need not be.
REMEMBERED = 256

#: Pings that are answered in so many seconds. Of more, the latest is: RFC 6455, section 5.5.3.
PONGS = 16
PONGS_IN = 1.0


@define(kw_only=True, eq=False)
class Rota:
    """What all connections do in one turn of the reactor takes `SHARE` seconds together.

    Who finds no time left waits for later turns. There each address has the same time, however
    many of its connections wait: the next is whoever has had the least.
    """

    clock: IReactorTime
    _began: float | None = field(default=None, init=False)  # when this turn's first had its time
    _waiting: dict[str, deque[Callable[[], None]]] = field(factory=dict, init=False)
    #: Each of those names once, after the seconds that it has had. Who comes is where the least is.
    _order: list[tuple[float, int, str]] = field(factory=list, init=False)
    _tickets: Iterator[int] = field(factory=count, init=False)
    _level: float = field(default=0.0, init=False)  # the seconds of the last whose turn it was
    _ahead: dict[str, float] = field(factory=dict, init=False)  # of those who do not wait now
    _many: int = field(default=REMEMBERED, init=False)  # of them

    @property
    def has_time(self) -> bool:
        """Whether more may be done in this turn."""
        return self.clock.seconds() - self._beginning() < SHARE

    @property
    def is_free(self) -> bool:
        """Whether something may be begun in this turn: there is time, and nobody waits for it."""
        return self.has_time and not any(self._waiting.values())

    def wait(self, who: str, go_on: Callable[[], None]) -> None:
        """Call `go_on`, once, in a later turn."""
        if who not in self._waiting:
            self._waiting[who] = deque()
            least = self._order[0][0] if self._order else self._level
            self._line_up(who, max(least, self._ahead.pop(who, 0.0)))
        self._waiting[who].append(go_on)
        self._beginning()

    def leave(self, who: str, go_on: Callable[[], None]) -> None:
        """Do not call it. Harmless if it does not wait."""
        with suppress(KeyError, ValueError):
            self._waiting[who].remove(go_on)

    def _beginning(self) -> float:
        """When this turn's first had its time. It has now, if nobody had before."""
        now = self.clock.seconds()
        # A clock that was set back would keep the next turn from coming.
        if self._began is None or now < self._began:
            self._began = now
            self.clock.callLater(0, self._next)
        return self._began

    def _line_up(self, who: str, seconds: float) -> None:
        heappush(self._order, (seconds, next(self._tickets), who))

    def _next(self) -> None:
        self._began = None
        waiting = sum(map(len, self._waiting.values()))
        if not waiting:  # nobody is ahead of anybody
            self._waiting.clear()
            self._order.clear()
            self._ahead.clear()
        while waiting and self.has_time:
            waiting -= 1
            self._give_turn()

    def _give_turn(self) -> None:
        """Call what waits for whoever has had the least; those who have left are passed over."""
        while self._order:
            self._level, _, who = heappop(self._order)
            waiting = self._waiting[who]
            if waiting:
                began = self.clock.seconds()
                try:
                    waiting.popleft()()
                finally:
                    had = self._level + min(max(0.0, self.clock.seconds() - began), MOST)
                    if waiting:
                        self._line_up(who, had)
                    else:
                        del self._waiting[who]
                        self._remember(who, had)
                return
            del self._waiting[who]

    def _remember(self, who: str, seconds: float) -> None:
        """One does not wait any more. Who is not ahead of others comes back as if it was new."""
        self._ahead[who] = seconds
        if len(self._ahead) > self._many:
            self._ahead = {who: had for who, had in self._ahead.items() if had > self._level}
            self._many = max(REMEMBERED, 2 * len(self._ahead))


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
