"""The environment of kernels that have Sage, in which cells may be plain Python as well."""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import define, field

from sagecell_tx.kernelside.environment import PythonEnvironment
from sagecell_tx.kernelside.preload import Loaded
from sagecell_tx.kernelside.sagemath import warming, workspaces
from sagecell_tx.kernelside.system import memory
from sagecell_tx.kernelside.system.scratch import ScratchDirectory

if TYPE_CHECKING:  # these import Sage, which needs `before_import`
    from sagecell_tx.kernelside.sagemath.interrupting import CySigint
    from sagecell_tx.kernelside.sagemath.shell import SageShell
    from sagecell_tx.kernelside.sandbox.levels import KernelEnvironment

#: When a process crashes, cysignals says why. Without this it also lets a debugger look at the process, which
#: takes seconds, and leaves a file in the visitor's directory.
_NO_DEBUGGER = {"CYSIGNALS_CRASH_NDEBUG": "1"}


@define(eq=False)
class SageEnvironment(PythonEnvironment):
    """Plain Python with the whole of Sage.

    While it loads and warms, everything that Sage writes to its own directory and to that for
    temporary files goes into a scratch directory. Kernels can read it: it has GAP's workspaces.
    """

    name: str = field(default="sage", init=False)
    _scratch: ScratchDirectory | None = field(default=None, init=False)
    _sigint: CySigint = field(init=False)

    def before_import(self) -> None:
        """Make the scratch directory, and set Sage's variables. Raises OSError."""
        super().before_import()
        os.environ.update(_NO_DEBUGGER)
        memory.use_small_pages()
        # A short name: GAP does not start with a workspace whose path is longer than 82 characters.
        self._scratch = ScratchDirectory.make("sage-")
        self.directories, self.helpers = (self._scratch.path,), (self._scratch.pid,)
        workspaces.prepare(self._scratch.path)

    def load(self, modules: Sequence[str]) -> Loaded:
        """Import Sage and `modules`, and make GAP's workspaces."""
        # First: Sage's names are what IPython's completion and warming look at.
        importlib.import_module("sage.all_cmdline")
        from sagecell_tx.kernelside.sagemath.interrupting import CySigint

        # Before anything replaces the handler that Sage has just installed.
        self._sigint = CySigint.installed()
        loaded = super().load(modules)
        # PARI has a stack for each thread. A number that is freed in another thread than its own, as
        # by the garbage collection of one that sends output, is not on that thread's, which is harmless.
        warnings.filterwarnings("ignore", "cypari2 leaked", RuntimeWarning)
        from sagecell_tx.kernelside.sagemath.languages import ending

        ending.install()  # before the first program ends: no process may be left in the server's group
        workspaces.make()
        importlib.import_module("sagecell_tx.kernelside.sagemath.own")  # which kernels then have
        from sagecell_tx.kernelside.sagemath import interacts, notebook
        from sagecell_tx.kernelside.sagemath.completion import documentation
        from sagecell_tx.kernelside.sagemath.languages.cells import INTERPRETERS

        documentation.simplify()
        for each in INTERPRETERS.values():
            each.adopt()
            each.learn()
        interacts.register()
        notebook.install()
        return loaded

    @property
    def shell_class(self) -> type[SageShell]:
        """A cell is Sage, unless its request says that it is Python."""
        from sagecell_tx.kernelside.sagemath.shell import SageShell

        return SageShell

    @property
    def sigint(self) -> CySigint:
        """Libraries in C are interrupted as well."""
        return self._sigint

    def names(self) -> Mapping[str, object]:
        """Sage's own names, and the languages that it does not speak here."""
        from sagecell_tx.kernelside.sagemath import names

        return names.all_names()

    def languages(self) -> Sequence[str]:
        """Sage, what a plain server has, and the languages of the programs that Sage brings."""
        from sagecell_tx.kernelside.sagemath.languages.cells import INTERPRETERS

        return sorted({"sage", *super().languages(), *INTERPRETERS})

    @property
    def versions(self) -> Mapping[str, str]:
        """Those of Sage and Python."""
        from sage.version import version

        return {"sage": version, **super().versions}

    def warm_cells(self) -> Sequence[str]:
        """See `Environment.warm_cells`."""
        return (*warming.CELLS, warming.FAILING)

    def warm_completions(self) -> Sequence[str]:
        """See `Environment.warm_completions`."""
        return warming.COMPLETIONS

    def settle(self) -> None:
        """End the programs that warming has started."""
        warming.end_programs()

    def own(self, place: KernelEnvironment) -> None:
        """Seed all random generators, and use the kernel's own directories."""
        from sagecell_tx.kernelside.sagemath import own

        super().own(place)
        own.temporary_directory(place.temporary)
        own.compiled_parts_of_maxima(place.temporary)
        own.seed()
        own.working_directory(place.work)

    def close(self) -> None:
        """Remove the scratch directory."""
        if self._scratch is not None:
            self._scratch.close()
