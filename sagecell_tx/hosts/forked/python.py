"""The Python that fork servers and kernels run in: this server's own, or another, such as Sage's."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from attrs import field, frozen

from sagecell_tx import __version__
from sagecell_tx.config import ConfigError

#: Runs a program; returns its stdout and its stderr.
Run = Callable[[Sequence[str]], tuple[str, str]]

#: Imports the fork server without what its kernels need, and prints the version and the environment.
_PROGRAM = (
    "import sagecell_tx; from sagecell_tx.kernelside.forkserver import environments, server; "
    "print(sagecell_tx.__version__, environments.of_this_python().name, end='')"
)


@frozen
class KernelPython:
    """An interpreter by its absolute path, which may be a symbolic link of a virtual environment."""

    path: str = field(default=sys.executable)

    @classmethod
    def of(cls, setting: str) -> KernelPython:
        """The one that the setting names, this server's own if it is empty.

        Raises `ConfigError` if there is no such program.
        """
        if not setting:
            return cls()
        path = os.path.abspath(setting)  # symbolic links stay: they make it a virtual environment's
        if not os.path.isfile(path):
            raise ConfigError(f"kernel_python: {path}: there is no such file")
        if not os.access(path, os.X_OK):
            raise ConfigError(f"kernel_python: {path}: this file cannot be executed")
        return cls(path)

    def check(self, run: Run) -> str:
        """The environment of kernels that run in it; empty for this server's own, which is not asked.

        Raises `ConfigError` unless it has the kernel side of this server's version. Blocks.
        """
        if self.path == sys.executable:
            return ""
        printed, complaints = run([self.path, "-P", "-c", _PROGRAM])
        version, _, environment = printed.partition(" ")
        if not version:
            why = complaints.strip().rpartition("\n")[2][-500:] or "It printed nothing."
            raise ConfigError(
                f"kernel_python: {self.path} cannot run the kernel side of sagecell-tx: {why}"
            )
        if version != __version__:
            raise ConfigError(
                f"kernel_python: {self.path} has sagecell-tx {version[:100]}, and this server is "
                f"{__version__}; install the same version there"
            )
        return environment


def variables(python: str) -> dict[str, str]:
    """What another Python than this server's own has to find instead of this server's."""
    if python == sys.executable:
        return {}
    programs = os.path.dirname(python)
    path = os.pathsep.join(filter(None, (programs, os.environ.get("PATH"))))
    return {"PATH": path, "VIRTUAL_ENV": os.path.dirname(programs)}
