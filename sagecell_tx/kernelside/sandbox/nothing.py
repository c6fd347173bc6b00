"""Level ``none``: kernels may do whatever the server's own account may."""

from __future__ import annotations

import os
from collections.abc import Sequence

from sagecell_tx.kernelside import listeners
from sagecell_tx.kernelside.sandbox.levels import Place, own_place
from sagecell_tx.kernelside.start import Start


class Nothing:
    """No confinement."""

    name = "none"
    features: Sequence[str] = ()

    def prepare(self) -> None:
        """Nothing is needed."""

    def fork(self, start: Start) -> int:
        """As `os.fork`."""
        return os.fork()

    def enter(self, start: Start) -> Place:
        """The kernel sees its directory where it is.

        That of its sockets is locked, but a program may unlock what its own account owns.
        """
        os.makedirs(f"{start.directory}/tmp", mode=0o700, exist_ok=True)
        sockets = f"{start.directory}/ipc"
        os.chmod(sockets, 0o700)  # locked, if this is a start that has to be begun anew
        bound = listeners.bind(f"{sockets}/k")
        os.chmod(sockets, 0o500)
        return own_place(start.directory, bound)

    def ended(self, kernel_id: str) -> None:
        """Nothing was taken."""
