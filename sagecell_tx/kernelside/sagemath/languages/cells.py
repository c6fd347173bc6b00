"""Which cells are programs of these languages and of R, and who runs them.

A page wraps such a cell's code in Python, as ``print(gap.eval(\"\"\"...\"\"\"))``.
"""

from __future__ import annotations

import ast
import importlib
import warnings
from contextlib import suppress

from sagecell_tx.kernelside import languages
from sagecell_tx.kernelside.languages.kept import KeptLanguage
from sagecell_tx.kernelside.sagemath.languages.gap import Gap
from sagecell_tx.kernelside.sagemath.languages.gp import Gp
from sagecell_tx.kernelside.sagemath.languages.interpreter import show
from sagecell_tx.kernelside.sagemath.languages.maxima import Maxima
from sagecell_tx.kernelside.sagemath.languages.singular import Singular

#: By the names of Sage's objects.
INTERPRETERS = {
    each.name: each
    for each in (
        Gap("GAP", "gap"),
        Gp("GP", "gp"),
        Maxima("Maxima", "maxima"),
        Singular("Singular", "singular"),
    )
}


#: As well, where Sage has its own object of R: that runs R within the kernel, which would end with
#: it, and shows only the last value of a program.
_R = "r"


def program_of(cell: str) -> tuple[str, str] | None:
    """The language and the text of a cell that is only ``print(LANGUAGE.eval(TEXT))``; or None."""
    if not cell.lstrip().startswith("print("):
        return None
    with warnings.catch_warnings(), suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        warnings.simplefilter("ignore")  # they are shown when the cell runs
        match ast.parse(cell.strip()).body:
            case [ast.Expr(ast.Call(ast.Name("print"), [ast.Call() as call], []))]:
                match call:
                    case ast.Call(
                        ast.Attribute(ast.Name(name), "eval"), [ast.Constant(str(text))], []
                    ) if name in INTERPRETERS or name == _R:
                        return name, text
    return None


def is_sages(name: str, value: object) -> bool:
    """Whether `value` is Sage's own object of this name, and nothing that a visitor has defined."""
    return getattr(importlib.import_module(f"sage.interfaces.{name}"), name) is value


def run(name: str, text: str) -> None:
    """Run a program and print what it prints; raises LanguageError."""
    if name == _R:
        language = languages.NAMES[name]
        assert isinstance(language, KeptLanguage)
        show(language.eval(text))
    else:
        INTERPRETERS[name].run(text)
