"""``make contract``: the rows of the contract with SageMathCell, and the tests that name them.

A row is named by ``contract: 3.2`` or ``contract: 3.2, T5``, in a docstring below `tests`, or in
a comment of TypeScript below `web/tests`. docs/compatibility.rst has the rows and
their states.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from attrs import frozen
from docutils import nodes
from docutils.core import publish_doctree

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "compatibility.rst"

#: The number of a row: section and row, section alone, or a trap.
ROW = re.compile(r"\d{1,2}(\.\d{1,2})?|T\d{1,2}")

YES, PARTLY, NOT_YET = STATES = ("yes", "partly", "not yet")

_NAMED = re.compile(r"\bcontract: *([^\n]*)")
_TEST = re.compile(
    r"\s*(?:it|test|describe)(?:\.\w+)*(?:<[^>]*>)?"
    r"(?:\(\s*|\([^\n]*\)\(\s*|\(\[.*?^\]\)\(\s*)([\"'`])(.*?)\1",
    re.DOTALL | re.MULTILINE,
)


@frozen
class Named:
    """A row that a test names. `row` is the text in the test, which may be invalid."""

    row: str
    test: str  # its file and name


def stated(text: str) -> dict[str, str]:
    """The state of each row in the tables of the document."""
    tree = publish_doctree(text, settings_overrides={"halt_level": 2, "warning_stream": False})
    found: dict[str, str] = {}
    for row in tree.findall(nodes.row):
        first, state, *_ = [entry.astext() for entry in row.findall(nodes.entry)]
        if ROW.fullmatch(first):
            if first in found:
                raise ValueError(f"{first} occurs twice")
            if state not in STATES:
                raise ValueError(f"{first}: {state!r} is not a state")
            found[first] = state
    return found


def _rows(text: str) -> Iterator[str]:
    for match in _NAMED.finditer(text):
        yield from (row.strip() for row in match[1].rstrip(". ").split(","))


def in_python(source: str, where: str) -> Iterator[Named]:
    """The rows that the test functions and test classes of a module name."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if node.name.lower().startswith("test") or node.name.endswith("Tests"):
            for row in _rows(ast.get_docstring(node) or ""):
                yield Named(row, f"{where}: {node.name}")


def in_typescript(source: str, where: str) -> Iterator[Named]:
    """The rows in comments, each directly above its test."""
    lines = source.splitlines()
    for number, line in enumerate(lines):
        comment = line.strip()
        if comment.startswith("// contract:"):
            after = number + 1
            while after < len(lines) and lines[after].strip().startswith("//"):
                after += 1
            match = _TEST.match("\n".join(lines[after : after + 40]))
            for row in _rows(comment):
                yield Named(row, f"{where}: {match[2] if match else '?'}")


@cache
def named() -> tuple[Named, ...]:
    """The rows that tests of this project name."""
    found: list[Named] = []
    for read, paths in (
        (in_python, (ROOT / "tests").rglob("test_*.py")),
        (in_typescript, (ROOT / "web" / "tests").rglob("*.ts")),
    ):
        for path in sorted(paths):
            found += read(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
    return tuple(found)


def missing(states: Mapping[str, str], tests: Mapping[str, list[str]]) -> list[str]:
    """The rows that are marked as fulfilled and that no test names."""
    return [row for row, state in states.items() if state != NOT_YET and row not in tests]


def by_row() -> dict[str, list[str]]:
    """The tests of each row that is named."""
    found: dict[str, list[str]] = {}
    for each in named():
        found.setdefault(each.row, []).append(each.test)
    return found


def main() -> int:
    """Print the table; returns 1 if a row that is marked as fulfilled has no test."""
    states, tests = stated(DOCUMENT.read_text(encoding="utf-8")), by_row()
    for row, state in states.items():
        first, *others = tests.get(row, ["-"])
        sys.stdout.write(f"{row:<6} {state:<8} {first}\n")
        sys.stdout.writelines(f"{'':<15} {other}\n" for other in others)
    without = missing(states, tests)
    counted = ", ".join(f"{list(states.values()).count(state)} {state}" for state in STATES)
    sys.stdout.write(f"\n{len(states)} rows: {counted}\n")
    if without:
        sys.stdout.write(f"Without a test: {', '.join(without)}\n")
    return 1 if without else 0


if __name__ == "__main__":
    sys.exit(main())
