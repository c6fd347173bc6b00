"""Python as a cell's language, as pages wrap it: the whole cell is ``exec(\"\"\"...\"\"\")``."""

from __future__ import annotations

import ast
import sys


def unwrapped(lines: list[str]) -> list[str]:
    """IPython input transformer: the program in such a cell, so that tracebacks show its lines.

    Other cells are returned unchanged; so are all cells with Sage, which would preparse a program
    outside `exec`. As with `exec`, no value is shown: the result does not end with an expression.
    """
    if "sage" in sys.modules:
        return lines
    try:
        (call,) = ast.parse("".join(lines)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return lines
    match call:
        case ast.Expr(
            ast.Call(ast.Name("exec"), args=[ast.Constant(str(program))], keywords=[])
        ) if _is_python(program):
            return [*program.splitlines(keepends=True), "\n", "pass\n"]
    return lines


def _is_python(program: str) -> bool:
    """Whether it is valid Python; anything else is left to `exec`, which raises the error."""
    try:
        ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
