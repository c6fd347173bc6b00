"""How late the reactor is: how long after its time a call is made that was planned for it."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from typing_extensions import override

#: Seconds between two measurements.
INTERVAL = 0.5

#: Most measurements that one delay counts as: a machine may have slept for hours.
MOST = 60

#: Seconds by which the loop may be early, as it computes its times in another way.
_EXACT = 0.001


@define(kw_only=True, eq=False)
class ReactorLag(Service):
    """Calls `observe` with the lag in seconds, each `INTERVAL`.

    A delay that is longer counts once for each measurement that it holds up, as late as that one is.
    Otherwise the longest delays would be rare ones.
    """

    clock: IReactorTime
    observe: Callable[[float], None]
    _due: float = field(default=0.0, init=False)
    _loop: LoopingCall = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._loop = LoopingCall(self._measure)
        self._loop.clock = self.clock

    @override
    def startService(self) -> None:
        """Begin to measure."""
        super().startService()
        self._due = self.clock.seconds() + INTERVAL
        self._loop.start(INTERVAL, now=False)

    @override
    def stopService(self) -> Deferred[None] | None:
        """Measure no more."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()
        return None

    def _measure(self) -> None:
        now = self.clock.seconds()
        observed = 0
        while self._due <= now + _EXACT and observed < MOST:
            self.observe(max(0.0, now - self._due))
            self._due += INTERVAL
            observed += 1
        # A clock that was set may be anywhere.
        if not now < self._due <= now + INTERVAL + _EXACT:
            self._due = now + INTERVAL
