"""Token buckets by name. A full bucket is the same as none, so idle names take no memory."""

from __future__ import annotations

from collections import OrderedDict

from attrs import define, field

from sagecell_tx.limits import Rate

#: Most names in memory; beyond it, the least recently seen one is forgotten.
MOST = 20_000

#: The part of a token that may be missing because times are rounded.
_NEARLY = 1e-6


@define
class Buckets:
    """One bucket for each name, all of one `rate`. Times are seconds of any one clock."""

    rate: Rate
    most: int = MOST
    #: By name, least recently seen first: missing tokens, and the time of that count.
    _missing: OrderedDict[str, tuple[float, float]] = field(factory=OrderedDict, init=False)

    def __len__(self) -> int:
        return len(self._missing)

    def wait(self, name: str, now: float, amount: float = 1) -> float:
        """Seconds until `amount` tokens are available; 0 if they are."""
        if not self._limited:
            return 0.0
        short = self._missing_at(name, now) + amount - self.rate.burst
        return short * self._refill if short > _NEARLY else 0.0

    def take(self, name: str, now: float, amount: float = 1) -> None:
        """Take `amount` tokens, even if fewer are available; the next wait is then longer."""
        if not self._limited:
            return
        self._missing[name] = (self._missing_at(name, now) + amount, now)
        self._missing.move_to_end(name)
        # Evict up to two per insertion, so that the table shrinks.
        for _ in range(2):
            oldest = next(iter(self._missing))
            if len(self._missing) > self.most or not self._missing_at(oldest, now):
                del self._missing[oldest]

    @property
    def _limited(self) -> bool:
        return bool(self.rate.burst and self.rate.per_minute)

    @property
    def _refill(self) -> float:
        """Seconds for one token."""
        return 60 / self.rate.per_minute

    def _missing_at(self, name: str, now: float) -> float:
        missing, when = self._missing.get(name, (0.0, now))
        return max(0.0, missing - (now - when) / self._refill)
