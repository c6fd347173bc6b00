"""Whether one session's start counts among those in progress: until its first result has come.

A kernel that is up is not what its visitor waits for. If it no longer counted, a crowd's kernels
would all be started before the first of them had the processor for its program: everybody would
have a result, and all at the end.

Nothing counts while only the client is waited for, which may be far away: the processor is free
meanwhile. When its first request comes, it counts at once, since a program that was begun is not
held back. A first program that computes for longer is no longer part of a start.
"""

from __future__ import annotations

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sagecell_tx.sessions.admission.starts import Starts

#: For how long a first program counts, in seconds. Most take a tenth of that, in a crowd as well.
FIRST_RESULT = 0.5


@define(kw_only=True, eq=False)
class CountedStarts:
    """The starts of one session, whose asker is `who`: its kernel's, and those of restarts."""

    starts: Starts
    who: str
    clock: IReactorTime
    _counts: bool = field(default=False, init=False)
    _awaits_first: bool = field(default=False, init=False)  # whether a first request is to come
    _timer: IDelayedCall | None = field(default=None, init=False)

    def turn(self, patience: float) -> Deferred[None]:
        """See `Starts.turn`. `up` or `over` has to follow."""
        self.over()
        return self.starts.turn(self.who, patience).addCallback(self._have_turn)

    def up(self) -> None:
        """The kernel is up, perhaps without a turn. Its first request is to come."""
        self._free()
        self._awaits_first = True

    def request_began(self) -> None:
        """A request is in flight, after none was."""
        if self._awaits_first:
            self._awaits_first = False
            self._counts = True
            self.starts.take(self.who)
            self._timer = self.clock.callLater(FIRST_RESULT, self._free)

    def over(self) -> None:
        """Nothing counts any more: the first result has come, or none will. Harmless if repeated."""
        self._awaits_first = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._free()

    def _have_turn(self, _: None) -> None:
        self._counts = True

    def _free(self) -> None:
        if self._counts:
            self._counts = False
            self.starts.over(self.who)
