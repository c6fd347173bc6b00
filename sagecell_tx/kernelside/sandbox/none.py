"""Level ``none``: kernels may do whatever the server's own account may."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from sagecell_tx.kernelside import listeningsockets
from sagecell_tx.kernelside.bootstrap import Secrets
from sagecell_tx.kernelside.sandbox.levels import KernelEnvironment, fork, own_environment
from sagecell_tx.kernelside.startcommand import StartCommand


class NoConfinement:
    """The level ``none``."""

    name = "none"
    features: Sequence[str] = ()
    unbounded: Sequence[str] = ("descriptors", "pipes", "sockets", "system_v")
    bounds_files = False

    def prepare(self) -> None:
        """Do nothing."""

    def fork(self, start: StartCommand, directory: int | None, run: Callable[[], object]) -> int:
        """See `Level.fork`."""
        return fork(run)

    def enter(self, start: StartCommand, secrets: Secrets) -> KernelEnvironment:
        """Make the directory of temporary files, and bind the sockets.

        The directory of the sockets becomes read-only, but a program can undo that, since it runs
        with the account that owns it.
        """
        os.makedirs(f"{secrets.directory}/tmp", mode=0o700, exist_ok=True)
        sockets = f"{secrets.directory}/ipc"
        os.chmod(sockets, 0o700)  # read-only if this start is repeated with another fork server
        if secrets.program is not None:
            return own_environment(secrets.directory, {})
        bound = listeningsockets.bind_in(sockets)
        os.chmod(sockets, 0o500)
        return own_environment(secrets.directory, bound)

    def ended(self, kernel_id: int) -> None:
        """Do nothing."""
