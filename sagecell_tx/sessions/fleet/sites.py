"""Which sites begin the most sessions."""

from __future__ import annotations

from collections import Counter

from attrs import define, field

#: Names in memory. They are whatever clients claim, so there may be any number.
MOST_SITES = 1000


@define
class Sites:
    """Sessions that pages of each site have begun since the server's start.

    Beyond `most` names, the half with the fewest is forgotten, so the counts of those that are seen seldom may
    be too low.
    """

    most: int = MOST_SITES
    _begun: Counter[str] = field(factory=Counter, init=False)

    def add(self, site: str) -> None:
        """Count a session; "" is no site, and not counted."""
        if not site:
            return
        self._begun[site] += 1
        if len(self._begun) > self.most:
            self._begun = Counter(dict(self._begun.most_common(self.most // 2)))

    def top(self, number: int) -> list[tuple[str, int]]:
        """The sites with the most sessions, and how many these are."""
        return self._begun.most_common(number)
