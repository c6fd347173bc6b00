"""Ended sessions, kept while their clients may come back for the remaining messages."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sagecell_tx.limits import LifetimeLimits
from sagecell_tx.sessions.lifecycle.session import Session


@define(kw_only=True)
class EndedSessions:
    """The ended sessions by kernel id, the oldest first, each for `limits.resumable_seconds`.

    The oldest are dropped earlier when there are more sessions than `limits.retained_sessions`, or
    when they have more bytes than `limits.retained_bytes`.
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
            self.drop(other.kernel_id)  # its clients have read everything
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

    @property
    def has_unread(self) -> bool:
        """Whether a client may still come for messages."""
        return any(session.audience.has_unread for session, _ in self._kept.values())

    def get(self, kernel_id: str) -> Session | None:
        """The session of that kernel, while it is kept."""
        session, _ = self._kept.get(kernel_id, (None, None))
        return session

    def drop(self, kernel_id: str) -> None:
        """Forget a session. Listeners that are attached to it can still read the rest."""
        session, timer = self._kept.pop(kernel_id)
        session.audience.expect_nobody()
        if timer.active():
            timer.cancel()

    def clear(self) -> None:
        """Forget all sessions."""
        for kernel_id in list(self._kept):
            self.drop(kernel_id)
