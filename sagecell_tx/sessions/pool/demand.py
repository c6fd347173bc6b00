"""How many kernels to keep ready."""

from __future__ import annotations

from collections import deque

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from sagecell_tx.limits import AdmissionLimits

#: How far back the starts are counted, in seconds.
WINDOW = 60.0


@define(kw_only=True)
class Demand:
    """Counts the starts of the last minute: as many kernels are kept ready, within the limits."""

    limits: AdmissionLimits
    clock: IReactorTime
    _starts: deque[float] = field(init=False)  # times, the latest last, no more than are needed

    def __attrs_post_init__(self) -> None:
        self._starts = deque(maxlen=self.limits.max_ready_kernels)

    def started(self) -> None:
        """Count a start."""
        self._starts.append(self.clock.seconds())

    @property
    def wanted(self) -> int:
        """The number of kernels to keep ready."""
        self._forget()
        return min(
            max(len(self._starts), self.limits.min_ready_kernels), self.limits.max_ready_kernels
        )

    @property
    def next_decrease(self) -> float | None:
        """Seconds until fewer are wanted, if nothing is started meanwhile; None: never."""
        self._forget()
        surplus = len(self._starts) - self.limits.min_ready_kernels
        return self._starts[0] + WINDOW - self.clock.seconds() if surplus > 0 else None

    def _forget(self) -> None:
        while self._starts and self._starts[0] + WINDOW <= self.clock.seconds():
            self._starts.popleft()
