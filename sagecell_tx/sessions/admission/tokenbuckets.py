"""Token buckets by name: a full bucket is the same as none, so the idle cost nothing."""

from __future__ import annotations

from collections import OrderedDict

from attrs import define, field

from sagecell_tx.limits import Rate

#: Names at most in memory; beyond it, who was seen least recently starts anew.
MOST = 20_000

#: A token is one in spite of the rounding of times.
_NEARLY = 1e-6


@define
class Buckets:
    """One bucket for each name, all of one `rate`. Times are seconds of any one clock."""

    rate: Rate
    most: int = MOST
    #: By name, least recently seen first: tokens that are missing, and when.
    _missing: OrderedDict[str, tuple[float, float]] = field(factory=OrderedDict, init=False)

    def __len__(self) -> int:
        return len(self._missing)

    def wait(self, name: str, now: float, amount: float = 1) -> float:
        """Seconds until there are so many tokens; 0 when there are."""
        if not self._limited:
            return 0.0
        short = self._missing_at(name, now) + amount - self.rate.burst
        return short * self._refill if short > _NEARLY else 0.0

    def take(self, name: str, now: float, amount: float = 1) -> None:
        """Take so many tokens. Who does so without having them waits the longer."""
        if not self._limited:
            return
        self._missing[name] = (self._missing_at(name, now) + amount, now)
        self._missing.move_to_end(name)
        # Two are looked at for the one that came, so that the old go faster than new ones come.
        for _ in range(2):
            oldest = next(iter(self._missing))
            if len(self._missing) > self.most or not self._missing_at(oldest, now):
                del self._missing[oldest]

    @property
    def _limited(self) -> bool:
        return bool(self.rate.burst and self.rate.per_minute)

    @property
    def _refill(self) -> float:
        """Seconds that a token takes to come."""
        return 60 / self.rate.per_minute

    def _missing_at(self, name: str, now: float) -> float:
        missing, when = self._missing.get(name, (0.0, now))
        return max(0.0, missing - (now - when) / self._refill)
