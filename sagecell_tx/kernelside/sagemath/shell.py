"""The shell of kernels with Sage: ours, with Sage's preparser, magics and names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sage.misc.lazy_import import clean_namespace
from sage.repl import user_globals
from sage.repl.interpreter import SageShellOverride
from sage.repl.ipython_extension import SageCustomizations
from sage.repl.preparse import preparse

from sagecell_tx.kernelside import languages
from sagecell_tx.kernelside.kernel.shell import CellShell
from sagecell_tx.kernelside.sagemath import absent, compiled, names
from sagecell_tx.kernelside.sagemath.compiler import SageCompiler
from sagecell_tx.kernelside.sagemath.completion import vocabularies
from sagecell_tx.kernelside.sagemath.completion.analysis import SageNameAnalysis
from sagecell_tx.kernelside.sagemath.languages import cells
from sagecell_tx.kernelside.sagemath.output import backend

#: The errors of GMP and of FLINT that have failed to allocate memory, among other reasons.
_UNEXPLAINED = ("Aborted", "FLINT exception")
_GAVE_UP = (
    "A library has given up, most likely for lack of memory: that of each program is limited here."
)


class _Customizations(SageCustomizations):  # type: ignore[misc]
    """Sage's magics, preparser and help. Its names come with those of the environment."""

    def init_environment(self) -> None:
        """Do nothing; Sage's own would also run the account's start-up file."""


class SageShell(SageShellOverride, CellShell):  # type: ignore[misc]
    """An InteractiveShell for Sage, and for Python where a request asks for it."""

    cell_compiler = SageCompiler
    name_analysis = SageNameAnalysis

    def __init__(self, *args: Any, **traits: Any) -> None:
        super().__init__(*args, **traits)
        _Customizations(self)
        absent.adapt()
        compiled.adapt()
        self._add_magics()
        self.vocabularies = vocabularies.learn()

    def _add_magics(self) -> None:
        """Let the magics of our languages, such as ``%%octave``, run what their cells run.

        Those of programs that are not here tell that, and ``%attach`` runs a file.
        """
        for name in names.OURS:
            language: Any = languages.NAMES[name]
            self._add_language(language.eval, name, language.title)
        for name, value in list(self.user_ns.items()):
            if type(value) is absent.Absent:  # without asking names that are imported on use
                self._add_language(value, name, value.title)
        self.register_magic_function(lambda line: absent.attach(*line.split()), "line", "attach")

    def _add_language(self, evaluate: Callable[[str], str], *magics: str) -> None:
        def run(line: str, cell: str | None = None) -> None:
            print(evaluate(line if cell is None else cell))

        for name in magics:
            self.register_magic_function(run, "line_cell", name)

    def init_display_formatter(self) -> None:
        """Display values by Sage's rich output. Called once, before any cell."""
        super().init_display_formatter()
        backend.install(self)

    def init_user_ns(self) -> None:
        """Add all names, and let Sage define variables here. Called first, and for each `%reset`."""
        super().init_user_ns()
        user_globals.set_globals(self.user_ns)
        # Names of modules that are imported on first use are then replaced here, too.
        clean_namespace(self.user_ns)
        hidden = self.user_ns_hidden.keys() & self.user_ns.keys()
        self.user_ns_hidden.update((name, self.user_ns[name]) for name in hidden)

    def transform_cell(self, raw_cell: str) -> str:
        """Return the cell as Python; a program in another language becomes a call of `run_language`."""
        program = cells.program_of(raw_cell)
        if program is not None:
            name, text = program
            if cells.is_sages(name, self.user_ns.get(name)):
                return f"get_ipython().run_language({name!r}, {text!r})\n"
        transformed: str = super().transform_cell(raw_cell)
        return transformed

    def run_language(self, name: str, text: str) -> None:
        """Run a program in the language of one of Sage's interfaces, and print what it prints."""
        cells.run(name, text)

    def expressions(self) -> Callable[[str], str]:
        """What makes Python of Sage's expressions, unless the running cell is Python."""
        return str if self.is_python else preparse

    def excuse(self, metadata: Mapping[str, Any], reply: Mapping[str, Any]) -> str:
        """What a library in C does not say when it gives up; see `CellShell.excuse`."""
        return _GAVE_UP if reply.get("evalue") in _UNEXPLAINED else ""

    def show_scene(self, scene: Any, **options: Any) -> None:
        """Show three-dimensional graphics of Sage; raises RuntimeError for anything else."""
        if not hasattr(scene, "show"):
            raise RuntimeError("threejs needs a three-dimensional graphics object of Sage.")
        scene.show(viewer="threejs", **options)
