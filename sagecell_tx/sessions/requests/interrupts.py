"""An interrupt that is not heeded is followed by SIGINT from outside, and that by the end.

A program may keep the interpreter to itself, so that the kernel never reads the request to
interrupt it; it may also ignore SIGINT. Whoever pressed Stop wants it stopped all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime


@define(eq=False)
class Interrupted:
    """What was running when an interrupt came and runs on, and the patience with it."""

    running: set[str]
    patience: IDelayedCall


@define(kw_only=True)
class Interruptions:
    """The interrupts of one kernel that are not heeded yet.

    An execution has `grace` seconds from the first interrupt that finds it running. Then
    `insist` is called, and after as many seconds again `give_up`. Executions are named by
    their msg_id; each has one clock, however often it is interrupted.
    """

    clock: IReactorTime
    grace: float
    insist: Callable[[], None]
    give_up: Callable[[], None]
    _open: list[Interrupted] = field(factory=list, init=False)
    _ended: bool = field(default=False, init=False)

    def begin(self, running: Iterable[str]) -> None:
        """The kernel is asked to interrupt what it runs, `running`."""
        fresh = set(running).difference(*(each.running for each in self._open))
        if fresh and not self._ended:
            timer = self.clock.callLater(self.grace, lambda: self._insist(interrupted))
            interrupted = Interrupted(fresh, timer)
            self._open.append(interrupted)

    def finished(self, msg_id: str) -> None:
        """An execution is over, whether it was interrupted or not."""
        for interrupted in list(self._open):
            interrupted.running.discard(msg_id)
            if not interrupted.running:
                interrupted.patience.cancel()
                self._open.remove(interrupted)

    def end(self) -> None:
        """The kernel goes or is gone: nothing is waited for from now on."""
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
