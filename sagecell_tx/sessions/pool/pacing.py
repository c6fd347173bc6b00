"""When the next kernel for the pool may be started."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

_log = Logger()

#: Delay between a start and the next one for the stock, in seconds.
PAUSE = 0.1

#: The same after ready kernels were lost: the first delay, doubled each time, and the longest.
FIRST_RETRY = 1.0
LONGEST_RETRY = 60.0


@define(kw_only=True)
class Pacing:
    """The delays between starts for the stock: `PAUSE`, or longer while its kernels are lost."""

    clock: IReactorTime
    _not_before: float = field(default=0.0, init=False)  # time of the next start
    _retry: float = field(default=FIRST_RETRY, init=False)

    @property
    def due_in(self) -> float:
        """Seconds until the next start for the stock."""
        return max(0.0, self._not_before - self.clock.seconds())

    def stocked(self) -> None:
        """A kernel of the stock has started: wait for `PAUSE` before the next start."""
        self._not_before = max(self._not_before, self.clock.seconds() + PAUSE)

    def handed_out(self) -> None:
        """A kernel was handed out: its first cell should not share the processor with a start."""
        self._not_before = self.clock.seconds() + PAUSE
        self._retry = FIRST_RETRY

    def lost(self) -> None:
        """A kernel was lost before its first use, which is an error: wait longer each time.

        Kernels that are lost together count as one.
        """
        if self._not_before <= self.clock.seconds() + PAUSE:
            _log.warn("ready kernels were lost; the next starts in {wait} s", wait=self._retry)
            self._not_before = self.clock.seconds() + self._retry
            self._retry = min(2 * self._retry, LONGEST_RETRY)
