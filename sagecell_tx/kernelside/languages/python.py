"""Python as a cell's language.

Our own script names the language in the request. Other clients wrap the program, as SageMathCell's
script does: the whole cell is ``exec(\"\"\"...\"\"\")``, which shows no value and has no magics.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: An IPython input transformer: takes the lines of a cell and returns others.
Transformer = Callable[[list[str]], list[str]]


def wrapped_program(cell: str) -> str | None:
    """The program in a cell that is only an ``exec`` of one string; None for any other cell.

    None as well if the string is not valid Python: `exec` itself raises the error.
    """
    if not cell.lstrip().startswith("exec"):
        return None
    # The program's SyntaxWarnings are shown when it runs.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            (statement,) = ast.parse(cell.lstrip()).body
            match statement:
                case ast.Expr(
                    ast.Call(ast.Name("exec"), args=[ast.Constant(str(program))], keywords=[])
                ):
                    compile(program, "<cell>", "exec", dont_inherit=True)
                    return program
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            pass
    return None


@contextmanager
def unpreparsed(*lists: list[Transformer]) -> Iterator[None]:
    """Take Sage's transformers, such as its preparser, out of these lists for a while."""
    before = [list(each) for each in lists]
    try:
        for each in lists:
            each[:] = [one for one in each if not _is_sages(one)]
        yield
    finally:
        for each, transformers in zip(lists, before, strict=True):
            each[:] = transformers


def _is_sages(transformer: Transformer) -> bool:
    return str(getattr(transformer, "__module__", "")).startswith("sage.")
