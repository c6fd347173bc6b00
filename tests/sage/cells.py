"""The corpus: cells as people write them, and what must come back, from ``corpus/*.toml``.

A file is a subject, each table in it a cell: ``[basel-problem]`` in ``calculus.toml`` is
``calculus/basel-problem``. Its `code` is required; the other keys are the attributes of `Cell`,
`Expected` and `Shown`, whose values are what must come back. Whatever is not expected must not come.

Texts are patterns: ``...`` stands for any text, and any white space equals any other.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import attrs
from attrs import field, frozen

CORPUS = Path(__file__).with_name("corpus")


def _pair(value: Sequence[int] | None) -> tuple[int, int] | None:
    if value is None:
        return None
    width, height = value
    return width, height


def _names(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


@frozen(kw_only=True)
class Shown:
    """A display, or a value that is more than text. What is not given may be anything."""

    picture: str = ""
    """``png`` or another format."""
    size: tuple[int, int] | None = field(default=None, converter=_pair)
    """Width and height of the picture in pixels, to within a tenth."""
    animation: int = 0
    """The number of frames of a moving picture, in any format."""
    scene: bool = False
    """Whether it is a scene for three.js."""
    html: str = ""
    """In the HTML."""
    latex: str = ""
    """In the LaTeX, which may be in HTML."""
    text: str = ""
    """The plain text beside it."""
    also: tuple[str, ...] = field(default=(), converter=_names)
    """Other MIME types beside it."""


def _shown(values: list[Mapping[str, Any]]) -> tuple[Shown, ...]:
    return tuple(Shown(**value) for value in values)


@frozen(kw_only=True)
class Expected:
    """What must come back from one execution, or from an update of an interact."""

    stdout: str = ""
    stderr: str = ""
    result: str = ""
    """The last value, if it is shown as text alone."""
    shown: tuple[Shown, ...] = field(default=(), converter=_shown)
    """Everything else that is displayed, in order."""
    error: str = ""
    """The error's name and message: ``ZeroDivisionError: ...``."""
    traceback: str = ""
    controls: Mapping[str, str] = field(factory=dict)
    """The types of an interact's controls, by name."""
    files: tuple[str, ...] = field(default=(), converter=_names)
    """New files, sorted by name."""


@frozen(kw_only=True)
class Update:
    """The visitor sets controls of the cell's interact to `values`, as the page sends them."""

    values: Mapping[str, Any]
    expected: Expected

    @classmethod
    def parse(cls, table: Mapping[str, Any]) -> Self:
        rest = dict(table)
        return cls(values=rest.pop("values"), expected=Expected(**rest))


@frozen(kw_only=True)
class Cell:
    """A cell, and what must come back."""

    name: str
    code: str
    language: str = "sage"
    chosen: bool = False
    """Whether ``make test-sage`` runs it, too."""
    after: str = ""
    """The name of a cell before it in the file, which has to run before it in the same kernel."""
    program: str = ""
    """What it needs. Where this is not installed, a sentence about that must come instead."""
    expected: Expected
    updates: tuple[Update, ...] = ()

    @classmethod
    def parse(cls, subject: str, name: str, table: Mapping[str, Any]) -> Self:
        """A cell of a file; raises TypeError if a key is unknown or missing."""
        rest = dict(table)
        own = {key: rest.pop(key) for key in _OWN if key in rest}
        if "after" in own:
            own["after"] = f"{subject}/{own['after']}"
        return cls(
            name=f"{subject}/{name}",
            updates=tuple(Update.parse(update) for update in rest.pop("updates", ())),
            expected=Expected(**rest),
            **own,
        )


_OWN = {each.name for each in attrs.fields(Cell)} - {"name", "expected", "updates"}


def load(corpus: Path = CORPUS) -> dict[str, Cell]:
    """All cells by name, in the order of the files."""
    cells: dict[str, Cell] = {}
    for path in sorted(corpus.glob("*.toml")):
        for name, table in tomllib.loads(path.read_text("utf-8")).items():
            cell = Cell.parse(path.stem, name, table)
            if cell.after and cell.after not in cells:
                raise ValueError(f"{cell.name}: there is no {cell.after} before it")
            cells[cell.name] = cell
    return cells


def chain(cell: Cell, cells: Mapping[str, Cell]) -> Iterator[Cell]:
    """The cells that have to run before `cell`, the first first."""
    if cell.after:
        before = cells[cell.after]
        yield from chain(before, cells)
        yield before
