"""Kernels that nobody listens to make room for visitors who wait."""

from __future__ import annotations

from collections.abc import Callable, Collection

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sagecell_tx.limits import LifetimeLimits
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.lifecycle.session import Session

#: Seconds between two looks, while visitors wait.
_PAUSE = 1.0


@define(kw_only=True)
class Yielding:
    """Ends lasting sessions without a listener while visitors wait for a place.

    Such sessions are kept long because there is room. When there is none, they are kept as long as
    a cell's: `limits.unclaimed_seconds` until the first listener comes, and `resumable_seconds`
    after the last one left. Those that have been without one for longest end first. `waiting`
    returns how many visitors wait.
    """

    clock: IReactorTime
    limits: LifetimeLimits
    sessions: Callable[[], Collection[Session]]
    waiting: Callable[[], int]
    _next: IDelayedCall | None = field(default=None, init=False)

    def look(self) -> None:
        """End as many sessions as visitors wait, if there are any, and look again while they wait."""
        self.stop()
        waiting = self.waiting()
        if not waiting:
            return
        self._next = self.clock.callLater(_PAUSE, self.look)
        sessions = self.sessions()
        needed = waiting - sum(each.ending for each in sessions)
        absent = sorted(
            filter(self._may_end, sessions), key=lambda each: each.audience.absent_since
        )
        for session in absent[: max(0, needed)]:
            session.stop(Reason.DISPLACED)

    def stop(self) -> None:
        """Look no more until `look` is called."""
        if self._next is not None and self._next.active():
            self._next.cancel()

    def _may_end(self, session: Session) -> bool:
        audience = session.audience
        if not session.lasting or session.ending or audience.present:
            return False
        kept = (
            self.limits.resumable_seconds
            if audience.ever_present
            else self.limits.unclaimed_seconds
        )
        return self.clock.seconds() - audience.absent_since >= kept
