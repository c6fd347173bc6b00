"""How long a kernel stays when it has nothing to do."""

from __future__ import annotations

from attrs import define, field

from sagecell_tx.limits import LifetimeLimits


@define(kw_only=True)
class IdleTimeout:
    """What the client asked for, or the program later, in `seconds`.

    It does not hold before something was run: until then the kernel is given time to be used.
    With 0 the session is finished as soon as what it was asked to run is done.
    """

    seconds: float
    limits: LifetimeLimits
    _holds: bool = field(default=False, init=False)

    @property
    def ends_with_work(self) -> bool:
        """With no request in flight any more, the session is finished."""
        return self._holds and self.seconds == 0

    def deadline(self) -> float:
        """In so many seconds an idle kernel has to go."""
        if self._holds:
            return self.seconds
        return max(self.seconds, self.limits.unclaimed_seconds)

    def take_effect(self) -> None:
        """Something was run, or nothing will be: from now on the timeout holds."""
        self._holds = True

    def change(self, seconds: float) -> None:
        """The program asks to be kept for so long after its work; cut to the limit."""
        self.seconds = float(min(seconds, self.limits.idle_seconds))
