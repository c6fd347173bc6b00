"""A bound on the long messages that clients of all live sessions have not read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from math import inf

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from sagecell_tx.limits import MessageLimits
from sagecell_tx.sessions.admission.visitors import Visitor
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.metrics import Traffic

_log = Logger()

#: Bytes that kernels send between two looks, at most.
STEP = 8 * 2**20


@define(kw_only=True)
class LongMessages:
    """Ends sessions when what they keep for slow clients takes too much memory together.

    A kernel is held when `limits.message_log_bytes` wait for its clients, but one message may have many
    times that, and many kernels may each have one. Sessions that keep more than twice that number may
    have `limits.waiting_bytes` together, or two of the longest messages if that is more. Beyond that, of
    the visitor with the most the session with the most ends. `visited` gives the sessions that
    have not ended, and their visitors. `traffic` counts what kernels send: nothing else makes a session keep more.
    """

    clock: IReactorTime
    limits: MessageLimits
    traffic: Traffic
    visited: Callable[[], Iterable[tuple[Session, Visitor]]]
    _seen: int = field(default=0, init=False)  # bytes that kernels had sent at the last look
    _next: IDelayedCall | None = field(default=None, init=False)

    def slice_over(self) -> None:
        """A kernel has sent some messages: look, perhaps, when they are handled."""
        if self._next is None and self._received - self._seen >= self._step:
            self._next = self.clock.callLater(0, self._look)

    @property
    def _step(self) -> float:
        """Bytes that kernels send between two looks."""
        return min(STEP, self._most / 8)

    @property
    def _most(self) -> float:
        """Bytes that all may keep together: enough for two of the longest messages at least."""
        if not self.limits.waiting_bytes:
            return inf
        return max(self.limits.waiting_bytes, 2 * self.limits.kernel_message_bytes)

    @property
    def _received(self) -> int:
        return sum(tally.size for tally in self.traffic.from_kernels.values())

    def _look(self) -> None:
        self._next, self._seen = None, self._received
        least, most = 2 * self.limits.message_log_bytes, self._most
        # Also those that are ending: a program may go on for a second.
        holders = {session: visitor.holder for session, visitor in self.visited()}
        while True:
            # Anew each time: one connection of SockJS may listen to several kernels.
            kept = {each: size for each in holders if (size := each.kept) > least}
            if sum(kept.values()) <= most:
                break
            sizes: Counter[str] = Counter()
            for session, size in kept.items():
                sizes[holders[session]] += size
            largest = max(kept, key=lambda each: (sizes[holders[each]], kept[each]))
            del holders[largest]
            _log.warn(
                "{kernel}: ended with {size} bytes of messages: those of all sessions had more than {most}",
                kernel=largest.kernel_id,
                size=kept[largest],
                most=most,
            )
            largest.abandon(Reason.UNREAD)
