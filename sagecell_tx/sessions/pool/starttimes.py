"""How many kernels were started for sessions, from where, and how long it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from enum import Enum

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from sagecell_tx.sessions.interfaces import Kernel
from sagecell_tx.sessions.metrics import START_SECONDS, Histogram, Measure, counters, histograms


class Origin(Enum):
    """Where the kernel of a session comes from."""

    READY = "ready"  # the stock, where it was up
    STARTING = "starting"  # the stock, where it was about to be
    FORKED = "forked"  # it was started when it was asked for
    INSTALLED = "installed"  # the same, of another kind than the server's own


@define
class StartTimes:
    """The time from a session's request to a kernel that is up. `now` returns the time in seconds."""

    _now: Callable[[], float]
    taken: dict[Origin, Histogram] = field(init=False)
    failed: Counter[Origin] = field(factory=Counter, init=False)

    def __attrs_post_init__(self) -> None:
        self.taken = {origin: Histogram(START_SECONDS) for origin in Origin}

    def note(self, origin: Origin, coming: Deferred[Kernel]) -> None:
        """Count a start when `coming` fires. One that is cancelled is not counted."""
        begun = self._now()

        def up(kernel: Kernel) -> Kernel:
            self.taken[origin].observe(max(0.0, self._now() - begun))
            return kernel

        def failed(failure: Failure) -> Failure:
            if not failure.check(CancelledError):
                self.failed[origin] += 1
            return failure

        coming.addCallbacks(up, failed)

    def measures(self) -> Iterator[Measure]:
        """Starts by origin."""
        yield histograms(
            "kernel_start_seconds",
            "From a session's request for a kernel to a kernel that is up.",
            "source",
            {origin.value: taken for origin, taken in self.taken.items()},
        )
        yield counters(
            "kernel_starts_failed",
            "Kernels that did not come up for a session.",
            "source",
            {origin.value: self.failed[origin] for origin in Origin},
        )
