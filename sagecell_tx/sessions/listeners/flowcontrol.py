"""Flow control: the only place where a kernel is paused and resumed."""

from __future__ import annotations

from attrs import define, field

from sagecell_tx.sessions.interfaces import Kernel


@define
class Valve:
    """Pauses a kernel while there is at least one reason to."""

    _kernel: Kernel | None = field(default=None, init=False)
    _holds: set[str] = field(factory=set, init=False)

    @property
    def is_open(self) -> bool:
        """Whether there is no reason to pause the kernel, so that all its messages are read."""
        return not self._holds

    def connect(self, kernel: Kernel) -> None:
        """Set the kernel; it is paused at once if there is a reason already."""
        self._kernel = kernel
        if self._holds:
            kernel.pause()

    def disconnect(self) -> None:
        """Forget the kernel, which is gone."""
        self._kernel = None

    def hold(self, why: str) -> None:
        """Pause the kernel for the reason `why`; the same reason counts once."""
        if not self._holds and self._kernel is not None:
            self._kernel.pause()
        self._holds.add(why)

    def release(self, why: str) -> None:
        """Remove a reason; the kernel is resumed if it was the last."""
        if why in self._holds:
            self._holds.remove(why)
            if not self._holds and self._kernel is not None:
                self._kernel.resume()
