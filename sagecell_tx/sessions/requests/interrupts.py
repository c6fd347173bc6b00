"""Interrupts without effect: they are followed by SIGINT from outside, then by the kernel's end.

A program may block the interpreter, so that the kernel never reads the interrupt_request; it
may also ignore SIGINT. The user who pressed Stop wants it stopped in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime


@define(eq=False)
class Interrupted:
    """Executions that were interrupted and still run, and the timer for the next step."""

    running: set[str]
    patience: IDelayedCall


@define(kw_only=True)
class Interruptions:
    """The interrupts of one kernel that have had no effect yet.

    An execution has `grace` seconds from the first interrupt that finds it running. Then
    `insist` is called, and after as many seconds again `give_up`. Executions are identified by
    their msg_id; further interrupts do not restart the timer.
    """

    clock: IReactorTime
    grace: float
    insist: Callable[[], None]
    give_up: Callable[[], None]
    _open: list[Interrupted] = field(factory=list, init=False)
    _ended: bool = field(default=False, init=False)

    def begin(self, running: Iterable[str]) -> None:
        """Start the timer for those executions in `running` that have none yet."""
        fresh = set(running).difference(*(each.running for each in self._open))
        if fresh and not self._ended:
            timer = self.clock.callLater(self.grace, lambda: self._insist(interrupted))
            interrupted = Interrupted(fresh, timer)
            self._open.append(interrupted)

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

    def _insist(self, interrupted: Interrupted) -> None:
        interrupted.patience = self.clock.callLater(self.grace, self._give_up, interrupted)
        self.insist()

    def _give_up(self, interrupted: Interrupted) -> None:
        self._open.remove(interrupted)
        self.end()
        self.give_up()
