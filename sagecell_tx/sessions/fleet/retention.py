"""Sessions that have ended, for as long as their clients may come for the rest of what was said."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sagecell_tx.limits import LifetimeLimits
from sagecell_tx.sessions.lifecycle.session import Session


@define(kw_only=True)
class EndedSessions:
    """The sessions by kernel id, the oldest first; few, small, and not for long.

    What is dropped early is what was kept longest, once there are more sessions than
    `limits.retained_sessions`, or they have more bytes than `limits.retained_bytes`.
    """

    clock: IReactorTime
    limits: LifetimeLimits
    _kept: dict[str, tuple[Session, IDelayedCall]] = field(factory=dict, init=False)

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, session: Session) -> None:
        """Keep a session that has ended."""
        for other in [
            other for other, _ in self._kept.values() if not other.audience.awaits_return
        ]:
            self.drop(other.kernel_id)  # everybody has heard everything
        timer = self.clock.callLater(self.limits.resumable_seconds, self.drop, session.kernel_id)
        self._kept[session.kernel_id] = session, timer
        sizes = {kernel_id: other.audience.kept for kernel_id, (other, _) in self._kept.items()}
        size = sum(sizes.values())
        while self._kept and (
            len(self._kept) > self.limits.retained_sessions or size > self.limits.retained_bytes
        ):
            oldest = next(iter(self._kept))
            size -= sizes[oldest]
            self.drop(oldest)

    def get(self, kernel_id: str) -> Session | None:
        """The session of that kernel, while it is kept."""
        session, _ = self._kept.get(kernel_id, (None, None))
        return session

    def drop(self, kernel_id: str) -> None:
        """Let one go: nobody need come for it any more. Who listens to it yet hears the rest."""
        _, timer = self._kept.pop(kernel_id)
        if timer.active():
            timer.cancel()

    def clear(self) -> None:
        """Nobody will come."""
        for kernel_id in list(self._kept):
            self.drop(kernel_id)
