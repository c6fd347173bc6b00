"""How long an idle kernel is kept."""

from __future__ import annotations

from attrs import define, field

from sagecell_tx.limits import LifetimeLimits


@define(kw_only=True)
class IdleTimeout:
    """The idle timeout, in `seconds`: what the client requested, or the program later.

    It takes effect with the first execution. Until then the kernel is kept for at least
    `limits.unclaimed_seconds`. With 0 the session ends when no request is in flight any more.
    """

    seconds: float
    limits: LifetimeLimits
    _holds: bool = field(default=False, init=False)

    @property
    def ends_with_work(self) -> bool:
        """Whether the session ends when no request is in flight any more."""
        return self._holds and self.seconds == 0

    def deadline(self) -> float:
        """Seconds after which an idle kernel is ended."""
        if self._holds:
            return self.seconds
        return max(self.seconds, self.limits.unclaimed_seconds)

    def take_effect(self) -> None:
        """Apply the timeout from now on: something was executed, or nothing will be."""
        self._holds = True

    def change(self, seconds: float) -> None:
        """Set the timeout that the program asks for, capped at the limit."""
        self.seconds = float(min(seconds, self.limits.idle_seconds))
