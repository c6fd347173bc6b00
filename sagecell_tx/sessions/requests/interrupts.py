"""Interrupts without effect: they are followed by SIGINT from outside, then by the kernel's end.

A program may block the interpreter, as functions in C do, so that the kernel does not read the
interrupt_request; it may also ignore SIGINT. The user who pressed Stop wants it stopped in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: How long a kernel that can read an interrupt_request takes to reply to it at most, in seconds.
UNSEEN = 0.2


@define(eq=False)
class Interrupted:
    """Executions that were interrupted and still run, and the timer for the next step.

    `seen` says whether their kernel was interrupted for certain.
    """

    running: set[str]
    since: float
    seen: bool
    patience: IDelayedCall = field(init=False)


@define(kw_only=True)
class Interruptions:
    """The interrupts of one kernel that have had no effect yet.

    An execution has `grace` seconds from the first interrupt that finds it running; if the
    kernel does not reply to that, `UNSEEN` seconds, unless `reads` says that its messages are not
    read at present. Then `insist` is called, and after `grace` seconds `give_up`. Executions are identified by their msg_id; further interrupts do not restart
    the timer.
    """

    clock: IReactorTime
    grace: float
    reads: Callable[[], bool]
    insist: Callable[[], None]
    give_up: Callable[[], None]
    _open: list[Interrupted] = field(factory=list, init=False)
    _ended: bool = field(default=False, init=False)

    def begin(self, running: Iterable[str], *, seen: bool) -> None:
        """Start the timer for those executions in `running` that have none yet.

        `seen` is false for an interrupt_request, to which `replied` may follow.
        """
        fresh = set(running).difference(*(each.running for each in self._open))
        if fresh and not self._ended:
            interrupted = Interrupted(fresh, self.clock.seconds(), seen)
            patience = self.grace if seen else min(UNSEEN, self.grace)
            interrupted.patience = self.clock.callLater(patience, self._insist, interrupted)
            self._open.append(interrupted)

    def replied(self) -> None:
        """The kernel has replied to an interrupt_request, and has interrupted itself."""
        for interrupted in self._open:
            if not interrupted.seen:
                interrupted.seen = True
                interrupted.patience.reset(self._left(interrupted))

    def finished(self, msg_id: str) -> None:
        """An execution has ended, whether it was interrupted or not."""
        for interrupted in list(self._open):
            interrupted.running.discard(msg_id)
            if not interrupted.running:
                interrupted.patience.cancel()
                self._open.remove(interrupted)

    def end(self) -> None:
        """Cancel all timers for good: the kernel is ending or gone."""
        self._ended = True
        for interrupted in self._open:
            interrupted.patience.cancel()
        self._open.clear()

    def _left(self, interrupted: Interrupted) -> float:
        return max(interrupted.since + self.grace - self.clock.seconds(), 0)

    def _insist(self, interrupted: Interrupted) -> None:
        if not interrupted.seen and not self.reads():
            interrupted.seen = True  # perhaps: a reply may wait
            left = self._left(interrupted)
            interrupted.patience = self.clock.callLater(left, self._insist, interrupted)
            return
        interrupted.seen = True
        interrupted.patience = self.clock.callLater(self.grace, self._give_up, interrupted)
        self.insist()

    def _give_up(self, interrupted: Interrupted) -> None:
        self._open.remove(interrupted)
        self.end()
        self.give_up()
