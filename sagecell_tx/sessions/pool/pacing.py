"""When the next kernel for the pool may be started."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

_log = Logger()

#: Rest between a start and the next one for the stock, in seconds.
PAUSE = 0.1

#: The same after ready kernels were lost, doubled each time: the first and the longest rest.
FIRST_RETRY = 1.0
LONGEST_RETRY = 60.0


@define(kw_only=True)
class Pacing:
    """The rests between starts for the stock: a pause, or longer while its kernels are lost."""

    clock: IReactorTime
    _not_before: float = field(default=0.0, init=False)  # rest until then
    _retry: float = field(default=FIRST_RETRY, init=False)

    @property
    def due_in(self) -> float:
        """The seconds that are left of the rest."""
        return max(0.0, self._not_before - self.clock.seconds())

    def stocked(self) -> None:
        """A kernel of the stock came up."""
        self._not_before = max(self._not_before, self.clock.seconds() + PAUSE)

    def handed_out(self) -> None:
        """Somebody has a kernel, and will want it to himself for a moment."""
        self._not_before = self.clock.seconds() + PAUSE
        self._retry = FIRST_RETRY

    def lost(self) -> None:
        """Something is wrong when kernels are lost that nobody has used.

        Those that are lost together count as one.
        """
        if self._not_before <= self.clock.seconds() + PAUSE:
            _log.warn("ready kernels are lost; others in {wait} s", wait=self._retry)
            self._not_before = self.clock.seconds() + self._retry
            self._retry = min(2 * self._retry, LONGEST_RETRY)
