"""Static analysis of the names in a program in Sage's language. None of it is run."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping
from typing import Any, Self

from attrs import frozen
from sage.interfaces.interface import InterfaceElement
from sage.misc.lazy_import import LazyImport
from sage.repl.preparse import preparse

from sagecell_tx.kernelside.completion.analysis import (
    KnownInstance,
    KnownObject,
    Meaning,
    NameAnalysis,
)

#: ``f(x, y) = ...`` makes all these names symbolic, as does ``var("x, y")``.
_FUNCTION = re.compile(r"^[ \t]*(\w+)\(([\w\s,]+)\)\s*=(?!=)", re.MULTILINE)
_VARIABLES = re.compile(r"""\bvar\(\s*(["'])([\w\s,]+)\1""")

#: ``R.<x, y> = ...`` names a ring and its generators.
_GENERATORS = re.compile(r"^[ \t]*(\w+)\.<([\w\s,]+)>\s*=", re.MULTILINE)

_EXPRESSION = ("sage.symbolic.expression", "Expression")

#: The modules and classes of what some functions return.
_RESULTS = {
    "EllipticCurve": ("sage.schemes.elliptic_curves.ell_generic", "EllipticCurve_generic"),
    "NumberField": ("sage.rings.number_field.number_field", "NumberField_generic"),
    "factor": ("sage.structure.factorization", "Factorization"),
    "matrix": ("sage.matrix.matrix2", "Matrix"),
    "plot": ("sage.plot.graphics", "Graphics"),
    "vector": ("sage.modules.free_module_element", "FreeModuleElement"),
    **dict.fromkeys(("SR", "derivative", "diff", "integral", "integrate", "limit"), _EXPRESSION),
}

_GRAPH = ("sage.graphs.graph", "Graph")


@frozen
class SageNameAnalysis(NameAnalysis):
    """As `NameAnalysis`, for a program before Sage's preparser has changed it."""

    @classmethod
    def of(cls, program: str, before: Mapping[str, object]) -> Self:
        """Analyse the program up to the cursor's statement.

        What a name has meant before the program is also its meaning as a ring or a generator.
        """
        analysis = super().of(_preparsed(program), before)
        symbolic = _instance(_EXPRESSION)
        found = [*_FUNCTION.findall(program), *_VARIABLES.findall(program)]
        for name in {name for each in found for name in _words(each)}:
            if analysis.names.get(name) is None:
                analysis.names[name] = symbolic
        for name in {name for each in _GENERATORS.findall(program) for name in _words(each)}:
            if name in before and analysis.names.get(name) is None:
                analysis.names[name] = analysis.known(before[name])
        return analysis

    def known(self, value: object) -> Meaning:
        """The meaning of an object; see `NameAnalysis.known`."""
        if isinstance(value, LazyImport):
            value = value._get_object()
        if isinstance(value, InterfaceElement):
            # Another process would be asked for its attributes.
            return KnownInstance(type(value))
        return KnownObject(value)

    def meaning(self, node: ast.AST) -> Meaning:
        """The meaning of an expression; raises RecursionError if it is nested too deeply."""
        meaning = super().meaning(node)
        if meaning is not None or not isinstance(node, ast.Call):
            return meaning
        match node.func:
            case ast.Name(name) if name not in self.names:
                return _instance(_RESULTS.get(name))
            case ast.Attribute(ast.Name("graphs")) if "graphs" not in self.names:
                return _instance(_GRAPH)
        return None


def _preparsed(program: str) -> str:
    """The program as Python; it has the same lines."""
    try:
        return str(preparse(program))
    except (SyntaxError, ValueError, IndexError):
        return program


def _words(found: tuple[str, ...]) -> list[str]:
    return [word for word in re.findall(r"\w+", " ".join(found)) if word.isidentifier()]


def _instance(place: tuple[str, str] | None) -> Meaning:
    """An instance of a class in a module, if that is loaded."""
    if place is None:
        return None
    module, name = place
    kind: Any = getattr(sys.modules.get(module), name, None)
    return KnownInstance(kind) if isinstance(kind, type) else None
