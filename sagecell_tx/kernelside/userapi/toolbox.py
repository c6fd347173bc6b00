"""The names that programs find beside their environment's: interacts, and `sys._sage_`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import define, field

from sagecell_tx.kernelside.interact import NAMES
from sagecell_tx.kernelside.interact.dynamics import Dynamics
from sagecell_tx.kernelside.interact.exercises import Exercises
from sagecell_tx.kernelside.interact.interacts import Interacts
from sagecell_tx.kernelside.userapi.namespace import InstrumentedNamespace
from sagecell_tx.kernelside.userapi.page import Blocks
from sagecell_tx.kernelside.userapi.sage_api import UserAPI


@define(eq=False)
class Toolbox:
    """The objects behind these names, for one kernel. `variables` are those of the visitor.

    Made before the fork, so state that belongs to one kernel is made on first use.
    """

    kernel: Any
    variables: dict[str, Any]
    blocks: Blocks = field(init=False)
    interacts: Interacts = field(init=False)
    namespace: InstrumentedNamespace = field(init=False)
    dynamics: Dynamics = field(init=False)
    api: UserAPI = field(init=False)
    names: dict[str, Any] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.blocks = Blocks(self.kernel)
        self.interacts = Interacts(page=self.blocks)
        self.namespace = InstrumentedNamespace(self.variables)
        self.dynamics = Dynamics(page=self.blocks, variables=self.namespace, program=self._program)
        self.api = UserAPI(
            kernel=self.kernel,
            blocks=self.blocks,
            interacts=self.interacts,
            namespace=self.namespace,
        )
        exercises = Exercises(interacts=self.interacts, program=self._program_apart)
        #: What each program finds defined; `sys` because of `sys._sage_`.
        self.names = {
            **NAMES,
            "dynamic": self.dynamics.dynamic,
            "dynamic_expression": self.dynamics.dynamic_expression,
            "exercise": exercises.exercise,
            "interact": self.interacts.interact,
            "sys": sys,
            "threejs": self.api.threejs,
        }
        sys._sage_ = self.api  # type: ignore[attr-defined]

    def rest(self) -> None:
        """Reset interacts and blocks. Called between requests, in case of an interrupt."""
        self.interacts.rest()
        self.blocks.close()

    def _program(self, code: str) -> Callable[[], Any]:
        """See `Dynamics.program`."""
        return partial(self._run, self._python(code))

    def _program_apart(self, code: str) -> Callable[[], dict[str, Any]]:
        """See `Exercises.program`."""
        return partial(self._run_apart, self._python(code))

    def _run(self, python: str) -> Any:
        """Run a program among the visitor's variables; returns its last expression's value."""
        name = self.kernel.shell.compile.keep(python, "Dynamic expression")
        program = ast.parse(python, name)
        last = program.body.pop() if program.body and _is_value(program.body[-1]) else None
        names: Any = self.namespace if self.namespace.watched else self.variables
        exec(compile(program, name, "exec"), self.variables, names)
        if not isinstance(last, ast.Expr):
            return None
        return eval(compile(ast.Expression(last.value), name, "eval"), self.variables, names)

    def _run_apart(self, python: str) -> dict[str, Any]:
        """Run a program on a copy of the visitor's variables; returns the copy."""
        names = dict(self.variables)
        for name in ("question", "answer", "check", "hints", "title"):
            names.pop(name, None)
        name = self.kernel.shell.compile.keep(python, "Exercise program")
        exec(compile(python, name, "exec"), names)
        return names

    def _python(self, code: str) -> str:
        python: str = self.kernel.shell.transform_cell(code)
        return python


def _is_value(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr)


def exercise_cell(lines: list[str]) -> list[str]:
    """IPython input transformer: makes a cell that begins with ``%exercise`` an exercise."""
    if lines and lines[0].strip() in ("%exercise", "%%exercise"):
        return [f"exercise({''.join(lines[1:])!r})\n"]
    return lines
