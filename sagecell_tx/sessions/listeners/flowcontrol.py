"""The one place where a kernel is told to wait and to go on."""

from __future__ import annotations

from attrs import define, field

from sagecell_tx.sessions.interfaces import Kernel


@define
class Valve:
    """Open until somebody holds it, and again when nobody does any more."""

    _kernel: Kernel | None = field(default=None, init=False)
    _holds: set[str] = field(factory=set, init=False)

    def connect(self, kernel: Kernel) -> None:
        """The kernel is there; it waits at once if somebody holds already."""
        self._kernel = kernel
        if self._holds:
            kernel.pause()

    def disconnect(self) -> None:
        """The kernel is gone; there is nobody to hold any more."""
        self._kernel = None

    def hold(self, why: str) -> None:
        """Stop reading what the kernel publishes. One hold for each `why`."""
        if not self._holds and self._kernel is not None:
            self._kernel.pause()
        self._holds.add(why)

    def release(self, why: str) -> None:
        """One reason is gone; read on when it was the last."""
        if why in self._holds:
            self._holds.remove(why)
            if not self._holds and self._kernel is not None:
                self._kernel.resume()
