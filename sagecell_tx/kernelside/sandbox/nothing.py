"""Level ``none``: kernels may do whatever the server's own account may."""

from __future__ import annotations

import os
from collections.abc import Sequence

from sagecell_tx.kernelside.bootstrap import Bootstrap, Secrets
from sagecell_tx.kernelside.sandbox.levels import Place, own_place
from sagecell_tx.kernelside.start import Start


class Nothing:
    """No confinement."""

    name = "none"
    features: Sequence[str] = ()
    unbounded: Sequence[str] = ("descriptors", "pipes", "sockets", "system_v")

    def prepare(self) -> None:
        """Nothing is needed."""

    def fork(self, start: Start, bootstrap: Bootstrap) -> int:
        """As `os.fork`."""
        return os.fork()

    def enter(self, start: Start, secrets: Secrets) -> Place:
        """The kernel sees its directory where it is."""
        os.makedirs(f"{secrets.directory}/tmp", mode=0o700, exist_ok=True)
        return own_place(secrets.directory)

    def ended(self, kernel_id: int) -> None:
        """Nothing was taken."""
