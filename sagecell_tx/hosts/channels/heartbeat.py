"""The heartbeat of one kernel, which shows that it is not stopped."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sagecell_tx.limits import LifetimeLimits


@define(kw_only=True, eq=False)
class Heartbeat:
    """Asks a kernel for echoes while it owes a reply.

    Of a kernel that owes none, nobody waits for anything; there may be a thousand of these. `ask`
    requests an echo, `rest` is called when none are needed any more, `missed` once: when so many
    requests as the limit says, one each `heartbeat_seconds`, have had none.
    """

    clock: IReactorTime
    limits: LifetimeLimits
    ask: Callable[[], None]
    rest: Callable[[], None]
    missed: Callable[[], None]
    _owed: int = field(default=0, init=False)  # replies
    _unanswered: int = field(default=0, init=False)  # requests for an echo
    _next: IDelayedCall | None = field(default=None, init=False)

    def requested(self) -> None:
        """A message was sent that the kernel replies to."""
        self._owed += 1
        if self._next is None:
            self._wait()

    def replied(self) -> None:
        """A reply has come."""
        # The timer goes on until it is due: most requests are shorter than that.
        self._owed = max(0, self._owed - 1)

    def echoed(self) -> None:
        """An echo has come."""
        self._unanswered = 0

    def stop(self) -> None:
        """Ask no more. Harmless if repeated."""
        if self._next is not None and self._next.active():
            self._next.cancel()

    def _wait(self) -> None:
        self._next = self.clock.callLater(self.limits.heartbeat_seconds, self._beat)

    def _beat(self) -> None:
        self._next = None
        if not self._owed:
            self._unanswered = 0
            self.rest()
        elif self._unanswered >= self.limits.heartbeats_missed:
            self.missed()
        else:
            self._unanswered += 1
            self._wait()
            self.ask()
