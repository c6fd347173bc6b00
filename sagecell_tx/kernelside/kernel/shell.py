"""The InteractiveShell of a kernel: what a cell's code means, and what it finds there."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.error import UsageError
from IPython.core.interactiveshell import ExecutionResult
from traitlets import default, observe

from sagecell_tx.kernelside.completion.analysis import NameAnalysis
from sagecell_tx.kernelside.completion.vocabularies import Vocabulary
from sagecell_tx.kernelside.kernel import magics, tracebacks, unreachable
from sagecell_tx.kernelside.kernel.formatter import CellFormatter
from sagecell_tx.kernelside.kernel.tracebacks import (
    CellCompiler,
    CellSyntaxTraceback,
    CellTraceback,
)
from sagecell_tx.kernelside.languages import python, sage
from sagecell_tx.kernelside.userapi import exits, questions
from sagecell_tx.kernelside.userapi.toolbox import Toolbox, exercise_cell


class CellShell(ZMQInteractiveShell):  # type: ignore[misc]
    """An InteractiveShell that keeps nothing outside its process."""

    #: The class of the compiler that its kernel gives it.
    cell_compiler: ClassVar[type[CellCompiler]] = CellCompiler
    #: Finds the meaning of names in what is completed or inspected.
    name_analysis: ClassVar[type[NameAnalysis]] = NameAnalysis
    #: What is completed and inspected in other languages, by their names.
    vocabularies: Mapping[str, Vocabulary] = MappingProxyType({})
    user_ns: dict[str, Any]
    toolbox: Toolbox
    #: The exit of a task for which the running cell is being cancelled.
    left_by: BaseException | None = None
    #: Whether the running cell is a program in Python that its client has wrapped.
    _is_wrapped = False

    def init_ipython_dir(self, _: object) -> None:
        """Use none: no profile, no start-up files, no extensions of the account."""

    def init_profile_dir(self, _: object) -> None:
        """Use none: what magics store in a profile, such as bookmarks, stays in memory."""
        self.db = magics.MemoryStore()

    def init_display_formatter(self) -> None:
        """Install a `CellFormatter`. Called once, before any cell."""
        self.display_formatter = CellFormatter(parent=self)
        self.configurables.append(self.display_formatter)

    def init_traceback_handlers(self, custom_exceptions: Any) -> None:
        """Install formatters of errors that show only the program's own frames."""
        super().init_traceback_handlers(custom_exceptions)
        self.SyntaxTB = CellSyntaxTraceback(theme_name=self.colors)
        self.InteractiveTB = CellTraceback(mode=self.xmode, theme_name=self.colors)

    def init_magics(self) -> None:
        """Refuse some magics, and inspect without paths. Called once, before any cell."""
        super().init_magics()
        magics.refuse(self)
        tracebacks.shorten_inspections(self.inspector)

    def init_user_ns(self) -> None:
        """Add the names of the environment and the toolbox. Called first, and for each `%reset`."""
        super().init_user_ns()
        if not hasattr(self, "toolbox"):
            self.toolbox = Toolbox(kernel=self.kernel, variables=self.user_ns)
            self.input_transformers_cleanup.append(exercise_cell)
        names = {**self.kernel.names(), **self.toolbox.names}
        self.user_ns.update(names)
        self.user_ns_hidden.update(names)

    def adopt_directory(self) -> None:
        """Use the process's working directory for imports and as the home of `%cd`.

        As in ipykernel, imports look there after the standard library and before installed packages.
        """
        self.home_dir = os.getcwd()
        self.history_manager.dir_hist[:] = [Path.cwd()]
        installed = (
            index
            for index, path in enumerate(sys.path)
            if os.path.basename(path) in ("site-packages", "dist-packages")
        )
        sys.path.insert(next(installed, 0), "")

    def transform_cell(self, raw_cell: str) -> str:
        """Return the cell as Python. A wrapped program is Python already, without IPython's syntax."""
        program = python.wrapped_program(raw_cell)
        if program is not None:
            return program
        lists = [self.input_transformers_cleanup, self.input_transformers_post]
        with python.unpreparsed(*lists if self.is_python else []):
            transformed: str = super().transform_cell(raw_cell)
        return transformed

    @property
    def is_python(self) -> bool:
        """Whether the running cell is plain Python, by its request or by its form."""
        metadata = self.kernel.get_parent("shell")["metadata"]
        return self._is_wrapped or metadata.get(sage.LANGUAGE) == "python"

    def expressions(self) -> Callable[[str], str]:
        """Return what makes Python of expressions in the running cell's language."""
        return str

    def excuse(self, metadata: Mapping[str, Any], reply: Mapping[str, Any]) -> str:
        """A sentence that follows the failure of a program which this shell cannot run; or ""."""
        return sage.excuse(metadata, reply)

    def show_scene(self, scene: Any, **options: Any) -> None:
        """Show three-dimensional graphics of Sage; raises RuntimeError."""
        raise RuntimeError("threejs needs Sage, which is not installed on this server.")

    async def run_ast_nodes(
        self, nodelist: Any, cell_name: str, interactivity: str = "last_expr", **kwargs: Any
    ) -> bool:
        """Run a cell's statements, and show the values that `interactivity` names.

        A wrapped program shows none, as `exec` does.
        """
        if self._is_wrapped:
            interactivity = "none"
        ended: bool = await super().run_ast_nodes(nodelist, cell_name, interactivity, **kwargs)
        return ended

    async def run_code(
        self, code_obj: Any, result: ExecutionResult | None = None, *, async_: bool = False
    ) -> bool:
        """Run a cell's code, in the namespace that reports changes while any name is watched.

        Returns whether it raised. An exit with status 0 is not an error in `result`.
        """
        namespace, plain = self.toolbox.namespace, self.user_ns
        if namespace.watched:
            self.user_ns = namespace
        try:
            ended: bool = await super().run_code(code_obj, result, async_=async_)
        finally:
            self.user_ns = plain
            left_by, self.left_by = self.left_by, None
        if result is None:
            return ended
        if left_by and isinstance(result.error_in_exec, asyncio.CancelledError):
            result.error_in_exec = left_by
        if isinstance(result.error_in_exec, SystemExit):
            status = exits.status(result.error_in_exec)
            result.error_in_exec = SystemExit(status) if status else None
        return ended

    def showtraceback(self, exc_tuple: Any = None, *args: Any, **kwargs: Any) -> None:
        """Show an error, by default the one that is being handled.

        An exit is shown with its status only, a question that nobody can answer with its sentence.
        Of a cell that was cancelled for an exit of a task, show that exit. An interrupt is shown whole,
        also if another one comes meanwhile.
        """
        error = exc_tuple[1] if exc_tuple else sys.exc_info()[1]
        if self.left_by and isinstance(error, asyncio.CancelledError):
            error = self.left_by
            exc_tuple = (type(error), error, error.__traceback__)
        if isinstance(error, SystemExit):
            exits.show(error, self)
        elif isinstance(error, questions.Unanswerable):
            questions.show(error, self)
        elif isinstance(error, KeyboardInterrupt):
            exc_tuple = exc_tuple or sys.exc_info()
            show = super().showtraceback
            self.kernel.interrupts.drop_during(lambda: show(exc_tuple, *args, **kwargs))
        else:
            super().showtraceback(exc_tuple, *args, **kwargs)

    def _format_exception_for_storage(self, exception: Any, *args: Any, **kwargs: Any) -> Any:
        """Format an error for the history, after it was shown. Newer versions of IPython do."""
        formatted = super()._format_exception_for_storage
        if isinstance(exception, KeyboardInterrupt):
            drop = self.kernel.interrupts.drop_during
            return drop(lambda: formatted(exception, *args, **kwargs))
        return formatted(exception, *args, **kwargs)

    def run_cell(self, raw_cell: str, *args: Any, **kwargs: Any) -> ExecutionResult:
        """Run a cell; an interrupt during it, or held since before, becomes its error."""

        def run() -> ExecutionResult:
            self._is_wrapped = python.wrapped_program(raw_cell) is not None
            try:
                result = super(CellShell, self).run_cell(raw_cell, *args, **kwargs)
            finally:
                self._is_wrapped = False
            self.toolbox.namespace.settle()
            return result

        def interrupted() -> ExecutionResult:
            result = ExecutionResult(None)
            result.error_in_exec = KeyboardInterrupt()
            self.showtraceback((KeyboardInterrupt, result.error_in_exec, None))
            return result

        return self.kernel.interrupts.run(run, interrupted)

    def user_expressions(self, expressions: dict[str, str]) -> dict[str, Any]:
        """Evaluate the request's user_expressions; an interrupt leaves an empty result."""
        values: dict[str, Any] = self.kernel.interrupts.run(
            lambda: super(CellShell, self).user_expressions(expressions), dict
        )
        return values

    def enable_matplotlib(self, gui: str | None = None) -> Any:
        """As ``%matplotlib`` does; "agg" is the inline backend, see `figures.stay_inline`."""
        return super().enable_matplotlib("inline" if gui == "agg" else gui)

    def explain_network(self, network: str, hosts: Sequence[str]) -> None:
        """Add a sentence to errors of the network; see `unreachable.sentence`."""
        if note := unreachable.sentence(network, hosts):
            self.InteractiveTB.unreachable_note = note
            tracebacks.explain_threads(note)
            unreachable.explain_commands(note)
        if not unreachable.may_install(network, hosts):
            os.environ["PIP_RETRIES"] = "0"  # else it tries for a quarter of a minute

    def system_piped(self, cmd: str) -> None:
        """Run a command in a subprocess, as ``!cmd`` does."""
        super().system_piped(cmd)
        note = self.InteractiveTB.unreachable_note
        if note and self.user_ns.get("_exit_code") and unreachable.needs_network(cmd):
            print(note, file=sys.stderr)

    system = system_piped

    def enable_gui(self, gui: str | None = None) -> None:
        """Accept only None and "inline": no visitor could see a window. Raises UsageError."""
        if gui not in (None, "inline"):
            raise UsageError(f"The GUI {gui!r} is not supported: plots appear inline.")

    @default("exiter")  # type: ignore[untyped-decorator]
    def _default_exiter(self) -> exits.ExitFunction:
        return exits.ExitFunction(self)

    @observe("exit_now")  # type: ignore[untyped-decorator]
    def _update_exit_now(self, _: object) -> None:
        """Do nothing: `dispatch_shell` ends the kernel after the reply."""
