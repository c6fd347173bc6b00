"""Counts of how kernels ended, since the server's start and recently."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from attrs import define, field
from twisted.logger import Logger

from sagecell_tx.sessions.endreasons import Reason

_log = Logger()

#: The length of time that counts as recent, in seconds.
RECENT = 300.0

#: Recent crashes of which the log warns.
MANY = 10

#: Deaths within so many seconds are counted together, so that there are few counts.
_TOGETHER = 10.0


@define
class Deaths:
    """Deaths by reason. `now` returns the time in seconds.

    When `MANY` kernels have crashed recently, the log warns, and again only after the number had
    fallen below half of that.
    """

    _now: Callable[[], float]
    total: Counter[Reason] = field(factory=Counter, init=False)
    _recent: deque[tuple[float, Counter[Reason]]] = field(factory=deque, init=False)
    _many: bool = field(default=False, init=False)

    def add(self, reason: Reason) -> None:
        """Count a kernel that died just now."""
        self.total[reason] += 1
        self._forget()
        now = self._now()
        if not self._recent or now >= self._recent[-1][0] + _TOGETHER:
            self._recent.append((now, Counter()))
        self._recent[-1][1][reason] += 1
        if reason is Reason.CRASHED:
            self._watch(sum(count[reason] for _, count in self._recent))

    def recent(self) -> Counter[Reason]:
        """The deaths of the last `RECENT` seconds, and of up to ten seconds before."""
        self._forget()
        return sum((count for _, count in self._recent), Counter())

    def _forget(self) -> None:
        long_ago = self._now() - RECENT - _TOGETHER
        while self._recent and self._recent[0][0] <= long_ago:
            self._recent.popleft()

    def _watch(self, crashes: int) -> None:
        if crashes >= MANY and not self._many:
            self._many = True
            _log.warn(
                "kernels crash: {crashes} in the last {minutes:.0f} minutes",
                crashes=crashes,
                minutes=RECENT / 60,
            )
        elif crashes < MANY / 2:
            self._many = False
