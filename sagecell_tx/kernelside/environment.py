"""What kernels are made of: plain Python, or a mathematics system such as Sage on top of it.

The Python that the fork server runs in decides which `Environment` all its kernels have.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import random
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from attrs import define, field

from sagecell_tx.kernelside import languages, preload
from sagecell_tx.kernelside.preload import Loaded

if TYPE_CHECKING:  # IPython is imported only once `before_import` has run
    from sagecell_tx.kernelside.kernel.interrupts import Sigint
    from sagecell_tx.kernelside.kernel.shell import CellShell
    from sagecell_tx.kernelside.sandbox.levels import KernelEnvironment

#: Modules with random generators of their own, which are seeded when they are imported.
_GENERATORS = frozenset({"numpy.random", "sympy.core.random"})


class Environment(Protocol):
    """What the fork server loads and warms, and what its kernels' programs find.

    The methods are called in this order, all before the first fork except `own`.
    """

    name: str  # "python" or "sage"

    def before_import(self) -> None:
        """Set what libraries read when they are imported, such as environment variables."""

    def load(self, modules: Sequence[str]) -> Loaded:
        """Import the environment and, where they are installed, `modules`."""

    @property
    def shell_class(self) -> type[CellShell]:
        """The class of the kernels' shell: what a cell's code means."""

    @property
    def sigint(self) -> Sigint:
        """How programs are interrupted."""

    def names(self) -> Mapping[str, object]:
        """What programs find defined beside the toolbox, at the start and after `%reset`."""

    def languages(self) -> Sequence[str]:
        """The languages of cells that run here, whose programs are on the PATH."""

    @property
    def versions(self) -> Mapping[str, str]:
        """The versions of what programs find, such as that of "python"."""

    def warm_cells(self) -> Sequence[str]:
        """Cells to run before the fork, beside those of plain Python."""

    def warm_completions(self) -> Sequence[str]:
        """Beginnings of code to complete and to inspect before the fork."""

    def settle(self) -> None:
        """Undo what warming must not leave behind, such as processes. Called after it."""

    @property
    def directories(self) -> Sequence[str]:
        """What kernels must be able to read beside Python's own directories."""

    @property
    def helpers(self) -> Sequence[int]:
        """The pids of the environment's own processes, which are no kernels."""

    def own(self, place: KernelEnvironment) -> None:
        """Replace, in a forked process, what it shares with others and must have for itself."""

    def close(self) -> None:
        """Release what the environment has outside of this process. Harmless if repeated."""


@define(eq=False)
class PythonEnvironment:
    """Plain Python, with the modules that the setting `preload` names."""

    name: str = field(default="python", init=False)
    directories: Sequence[str] = field(default=(), init=False)
    helpers: Sequence[int] = field(default=(), init=False)

    def before_import(self) -> None:
        """Set the variables that numerical libraries read."""
        preload.prepare_environment()

    def load(self, modules: Sequence[str]) -> Loaded:
        """Import `modules`, IPython, and what kernels would import on first use."""
        return preload.load(modules)

    @property
    def shell_class(self) -> type[CellShell]:
        """A cell is Python, with IPython's syntax."""
        from sagecell_tx.kernelside.kernel.shell import CellShell

        return CellShell

    @property
    def sigint(self) -> Sigint:
        """Python's own handler raises KeyboardInterrupt."""
        from sagecell_tx.kernelside.kernel.interrupts import PythonSigint

        return PythonSigint()

    def names(self) -> Mapping[str, object]:
        """The objects that run the other languages' programs."""
        return languages.NAMES

    def languages(self) -> Sequence[str]:
        """Python, and those with an installed program of their own."""
        return ("python", *languages.installed())

    @property
    def versions(self) -> Mapping[str, str]:
        """Python's."""
        return {"python": platform.python_version()}

    def warm_cells(self) -> Sequence[str]:
        """None: those of plain Python are run in any case."""
        return ()

    def warm_completions(self) -> Sequence[str]:
        """None, as above."""
        return ()

    def settle(self) -> None:
        """Do nothing: plain cells leave nothing behind."""

    def own(self, place: KernelEnvironment) -> None:
        """Seed the random generators of Python and of libraries, and replace its secret."""
        random.seed()
        multiprocessing.current_process().authkey = os.urandom(32)
        for name in _GENERATORS & sys.modules.keys():
            sys.modules[name].seed(int.from_bytes(os.urandom(4), "little"))

    def close(self) -> None:
        """Do nothing: it has nothing outside of this process."""
