"""Requests that are repeated because the store was away, within bounds of bytes and time."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from sagecell_tx.sessions.interfaces import FileRefused, StoreAway, StoreFull, StoreUnavailable

T = TypeVar("T")

_log = Logger()

#: Seconds between two rounds.
INTERVAL = 1.0

TOO_LONG = "The server's storage was away for too long."


@define(eq=False)
class _Request:
    """One request: what it begins, when it was first made, and why it would be given up now."""

    begin: Callable[[], Deferred[Any]]
    since: float
    why: StoreUnavailable = field(factory=lambda: StoreAway(TOO_LONG), init=False)
    answer: Deferred[Any] = field(init=False)


@define(kw_only=True, eq=False)
class Retries:
    """Repeats requests in the order in which they were added, one at a time.

    At most `most` bytes wait, each request for about `seconds`, and once this is closed for `grace` at most. Who
    adds a request reserves its bytes before, and releases them when the request has ended.
    """

    _clock: IReactorTime
    _most: int
    _seconds: float
    grace: float = 0.0
    _held: int = field(default=0, init=False)
    _of: Counter[str] = field(factory=Counter, init=False)  # of these, the bytes of each session
    _waiting: OrderedDict[_Request, None] = field(factory=OrderedDict, init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)
    _round: Deferred[None] | None = field(default=None, init=False)
    _current: _Request | None = field(default=None, init=False)
    _closed: bool = field(default=False, init=False)

    @property
    def held(self) -> int:
        """The bytes that wait."""
        return self._held

    def reserve(self, size: int, session: str = "") -> bool:
        """Count `size` bytes as waiting; False if that would be too many.

        Those of a `session` are never more than what is left for all others.
        """
        left = self._most - self._held - size
        if self._closed or left < 0 or (session and self._of[session] + size > left):
            return False
        self._count(size, session)
        return True

    def release(self, size: int, session: str = "") -> None:
        """Count them as waiting no more."""
        self._count(-size, session)

    def _count(self, size: int, session: str) -> None:
        self._held += size
        if session:
            self._of[session] += size
            if not self._of[session]:
                del self._of[session]

    def add(self, begin: Callable[[], Deferred[T]]) -> Deferred[T]:
        """Repeat a request until it does not fail with `StoreAway` or `StoreFull`; fires with its result.

        Fails like the request; with one of these when it has waited for too long. Cancelling drops it.
        """
        request = _Request(begin, self._clock.seconds())
        request.answer = Deferred(lambda _: self._drop(request))
        self._waiting[request] = None
        if self._timer is None and self._round is None:
            self._timer = self._clock.callLater(INTERVAL, self._tick)
        return request.answer

    def be_patient(self) -> None:
        """Once this is closed, let each request wait for as long as otherwise."""
        self.grace = self._seconds

    def close(self) -> Deferred[None]:
        """Make each request once more, or more often within `grace`; fires when none waits.

        Those that still fail are given up. No more can be added.
        """
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        last = self._round if self._round is not None else succeed(None)
        self._round = last.addCallback(lambda _: Deferred.fromCoroutine(self._make_last()))
        return self._round

    async def _make_last(self) -> None:
        end = self._clock.seconds() + self.grace
        await self._make_all()
        while self._waiting and (left := end - self._clock.seconds()) > 0:
            await deferLater(self._clock, min(INTERVAL, left), lambda: None)
            self._give_up_old()
            await self._make_all()
        self._give_up(list(self._waiting))

    def _drop(self, request: _Request) -> None:
        # The one that is being made is, since the store does it anyway.
        if request is not self._current:
            self._waiting.pop(request, None)

    def _tick(self) -> None:
        self._timer = None
        self._give_up_old()
        self._round = Deferred.fromCoroutine(self._make_all())
        self._round.addCallback(self._round_over)

    def _round_over(self, _: None) -> None:
        self._round = None
        if self._waiting and not self._closed:
            self._timer = self._clock.callLater(INTERVAL, self._tick)

    async def _make_all(self) -> None:
        """Make each request, up to the first for which the store is away or full."""
        while self._waiting:
            self._current = request = next(iter(self._waiting))
            try:
                result: Any = await request.begin()
            except (StoreAway, StoreFull) as error:
                if isinstance(error, StoreFull):
                    request.why = error
                if request.answer.called:  # it was cancelled meanwhile
                    del self._waiting[request]
                return
            except Exception:
                result = Failure()
            finally:
                self._current = None
            self._waiting.pop(request, None)
            _answer(request, result)

    def _give_up_old(self) -> None:
        """Give up those that have waited for too long."""
        oldest = self._clock.seconds() - self._seconds
        self._give_up([each for each in self._waiting if each.since <= oldest])

    def _give_up(self, requests: list[_Request]) -> None:
        for request in requests:
            if request is not self._current:
                self._waiting.pop(request, None)
                _answer(request, Failure(request.why))


def _answer(request: _Request, result: Any) -> None:
    if not request.answer.called:
        request.answer.callback(result)
    elif isinstance(result, Failure) and not result.check(
        CancelledError, FileRefused, StoreUnavailable
    ):
        _log.failure("a request that was cancelled failed", result)
