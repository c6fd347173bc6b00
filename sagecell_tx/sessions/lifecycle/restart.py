"""One restart of a kernel, for everybody who waits for it."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from sagecell_tx.sessions.waiters import OneShot


@define(eq=False)
class Restart:
    """A restart that is under way.

    It `holds_turn` from when the kernel may be started again until that start begins.
    """

    holds_turn: bool = field(default=False, init=False)
    _outcome: OneShot[Failure | None] = field(factory=OneShot, init=False)

    def when_over(self) -> Deferred[None]:
        """Fires when the new process is up, or fails as `end` says.

        Each call gives a Deferred of its own; cancelling it cancels nothing else.
        """
        return self._outcome.when_fired().addCallback(_check)

    def end(self, failure: Failure | None) -> None:
        """The new process is up, or why there is none."""
        self._outcome.fire(failure)


def _check(failure: Failure | None) -> None:
    if failure is not None:
        failure.raiseException()
