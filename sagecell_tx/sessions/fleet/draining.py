"""The time in which sessions may end by themselves before the server does."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sagecell_tx.limits import LifetimeLimits

#: Seconds between two looks at what is left.
_LOOK = 0.1


@define(kw_only=True)
class Draining:
    """Waits until `is_over`, for `limits.drain_seconds` at most.

    `warn` is called with the seconds that are left: when it begins, and again
    `limits.warning_seconds` before the end, unless the whole time is less than twice that.
    """

    clock: IReactorTime
    limits: LifetimeLimits
    is_over: Callable[[], bool]
    warn: Callable[[float], None]
    _end: float | None = field(default=None, init=False)
    _timers: list[IDelayedCall] = field(factory=list, init=False)
    _drained: Deferred[None] = field(factory=Deferred, init=False)

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the sessions that are left will be ended; None if it has not begun."""
        return None if self._end is None else max(0.0, self._end - self.clock.seconds())

    def begin(self) -> Deferred[None]:
        """Begin; fires when it is over, or the time has passed, unless `stop` is called before."""
        seconds, ahead = self.limits.drain_seconds, self.limits.warning_seconds
        self._end = self.clock.seconds() + seconds
        self.warn(seconds)
        if 0 < 2 * ahead <= seconds:
            self._timers.append(self.clock.callLater(seconds - ahead, self.warn, ahead))
        drained = self._drained
        self._look()
        return drained

    def stop(self) -> None:
        """Wait no longer. Harmless if repeated."""
        for timer in self._timers:
            if timer.active():
                timer.cancel()
        self._timers.clear()

    def _look(self) -> None:
        if self.is_over() or not self.seconds_left:
            self.stop()
            self._drained.callback(None)
            return
        self._timers = [timer for timer in self._timers if timer.active()]
        self._timers.append(self.clock.callLater(_LOOK, self._look))
