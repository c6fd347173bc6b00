"""Python as a cell's language, as pages wrap it: the whole cell is ``exec(\"\"\"...\"\"\")``."""

from __future__ import annotations

import ast
import sys


def unwrapped(lines: list[str]) -> list[str]:
    """The program in such a cell, so that tracebacks show its lines; other cells as they are.

    As with `exec`, no value is shown: the program does not end with an expression.
    For IPython's input transformers. Sage would take what is not in `exec` for its own.
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
    """What is not is left to `exec`, which knows no more than Python."""
    try:
        ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
