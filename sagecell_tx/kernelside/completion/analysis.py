"""Static analysis of the names in a program. None of it is run.

The meaning of a name is an object that existed before the program, such as a loaded module or a
function in it; or some instance of a class that existed before; or a class or function that the
program defines. Most other names are known without a meaning. No attribute is computed, nothing
is called, and no module is imported.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Self

from attrs import field, frozen

#: How often a program with syntax errors is parsed; each time it is cut before the error.
_CUTS = 3

_ABSENT = object()


@frozen
class KnownObject:
    """An object that existed before the program."""

    value: object


@frozen
class KnownInstance:
    """An instance of a class that existed before the program."""

    kind: type


@frozen
class ProgramDefinition:
    """A class or function of the program, or an instance of the class."""

    members: frozenset[str] = frozenset()
    parameters: tuple[str, ...] = ()
    is_class: bool = True


Meaning = KnownObject | KnownInstance | ProgramDefinition | None

_DISPLAYS: dict[type[ast.expr], type] = {
    ast.Dict: dict,
    ast.DictComp: dict,
    ast.GeneratorExp: types.GeneratorType,
    ast.JoinedStr: str,
    ast.List: list,
    ast.ListComp: list,
    ast.Set: set,
    ast.SetComp: set,
    ast.Tuple: tuple,
}

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@frozen
class NameAnalysis(ast.NodeVisitor):
    """The names that a program binds, and their meanings; `before` has all earlier names."""

    before: Mapping[str, object]
    names: dict[str, Meaning] = field(factory=dict)

    @classmethod
    def of(cls, program: str, before: Mapping[str, object]) -> Self:
        """Analyse the program up to the cursor's statement; the line's indentation is its end."""
        analysis = cls(before)
        with suppress(RecursionError, MemoryError, ValueError):
            for statement in _statements(program):
                with suppress(RecursionError):
                    analysis.visit(statement)
        return analysis

    # --- the meaning of expressions

    def meaning(self, node: ast.AST) -> Meaning:
        """The meaning of an expression; raises RecursionError if it is nested too deeply."""
        if isinstance(node, ast.Constant):
            return KnownInstance(type(node.value))
        if isinstance(node, ast.Name):
            return self._named(node.id)
        if isinstance(node, ast.Attribute):
            return _attribute(self.meaning(node.value), node.attr)
        if isinstance(node, ast.Call):
            return _called(self.meaning(node.func))
        kind = _DISPLAYS.get(type(node))  # type: ignore[arg-type]
        return None if kind is None else KnownInstance(kind)

    def _named(self, name: str) -> Meaning:
        if name in self.names:
            return self.names[name]
        value = self.before.get(name, vars(builtins).get(name, _ABSENT))
        return None if value is _ABSENT else self.known(value)

    def known(self, value: object) -> Meaning:
        """The meaning of an object that existed before the program."""
        return KnownObject(value)

    # --- what binds names; called by `visit`

    def visit_Name(self, node: ast.Name) -> None:
        """A target of anything but a plain assignment: its meaning is unknown."""
        if not isinstance(node.ctx, ast.Load):
            self.names[node.id] = None

    def visit_Assign(self, node: ast.Assign) -> None:
        """``a = b = expression``."""
        self.generic_visit(node)
        meaning = self.meaning(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.names[target.id] = meaning

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """``a: type``."""
        self.generic_visit(node)
        if isinstance(node.target, ast.Name):
            self.names[node.target.id] = _called(self.meaning(node.annotation))

    def visit_arg(self, node: ast.arg) -> None:
        """A parameter of a function: known if it is annotated."""
        annotation = node.annotation
        self.names[node.arg] = None if annotation is None else _called(self.meaning(annotation))

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        """``except type as a``."""
        if node.name is not None:
            self.names[node.name] = None if node.type is None else _called(self.meaning(node.type))
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        """``import a.b, c as d``: known if it is loaded."""
        for each in node.names:
            name = each.name if each.asname else each.name.partition(".")[0]
            self.names[each.asname or name] = _module(name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """``from a import b``."""
        for each in node.names:
            found = _attribute(_module(node.module or ""), each.name)
            self.names[each.asname or each.name] = found or _module(f"{node.module}.{each.name}")

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """A function; its local names count as well, since the cursor may be in it."""
        self.names[node.name] = ProgramDefinition(parameters=_parameters(node.args), is_class=False)
        self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """As `visit_FunctionDef`."""
        self.visit_FunctionDef(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """A class: the names of its body and bases, and the attributes assigned in it."""
        members = {name for base in node.bases for name in attributes(self.meaning(base))}
        members.update(_members(node))
        self.names[node.name] = ProgramDefinition(frozenset(members))
        self.generic_visit(node)


def attributes(meaning: Meaning) -> list[str]:
    """The known attributes of an object with this meaning."""
    if meaning is None:
        return []
    if isinstance(meaning, ProgramDefinition):
        return sorted(meaning.members)
    names = dir(meaning.value if isinstance(meaning, KnownObject) else meaning.kind)
    return [name for name in names if isinstance(name, str)]


def parameters(meaning: Meaning) -> list[str]:
    """The names of keyword arguments of a callable with this meaning, as far as known."""
    if isinstance(meaning, ProgramDefinition):
        return list(meaning.parameters)
    if not isinstance(meaning, KnownObject) or not callable(meaning.value):
        return []
    try:
        signature = inspect.signature(meaning.value)
    except (TypeError, ValueError):
        return []
    named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, each in signature.parameters.items() if each.kind in named]


def _statements(program: str) -> list[ast.stmt]:
    """The statements before the first syntax error."""
    # Completes the block that the cursor is in.
    program += "pass"
    for _ in range(_CUTS):
        try:
            return ast.parse(program).body
        except SyntaxError as error:
            lines = program.splitlines(keepends=True)
            program = "".join(lines[: (error.lineno or 1) - 1])
    return []


def _attribute(owner: Meaning, name: str) -> Meaning:
    if owner is None or isinstance(owner, ProgramDefinition):
        return None
    found = inspect.getattr_static(
        owner.value if isinstance(owner, KnownObject) else owner.kind, name, _ABSENT
    )
    if isinstance(found, staticmethod | classmethod):
        found = found.__func__
    if found is _ABSENT or inspect.isdatadescriptor(found):
        return None  # a property is not computed
    return KnownObject(found)


def _called(what: Meaning) -> Meaning:
    """The meaning of a call's result: for a class, an instance."""
    if isinstance(what, ProgramDefinition):
        return what if what.is_class else None
    if not isinstance(what, KnownObject):
        return None
    if isinstance(what.value, type):
        return KnownInstance(what.value)
    if isinstance(what.value, types.FunctionType):
        promised = what.value.__annotations__.get("return")
        return KnownInstance(promised) if isinstance(promised, type) else None
    return None


def _module(name: str) -> Meaning:
    module = sys.modules.get(name)
    return None if module is None else KnownObject(module)


def _parameters(arguments: ast.arguments) -> tuple[str, ...]:
    return tuple(each.arg for each in (*arguments.args, *arguments.kwonlyargs))


def _members(node: ast.ClassDef) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store):
            yield each.attr
    for statement in node.body:
        if isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
            yield statement.name
        for each in ast.iter_child_nodes(statement):
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                yield each.id
