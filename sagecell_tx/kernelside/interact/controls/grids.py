"""Grids of input boxes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sagecell_tx.kernelside.interact.controls.boxes import evaluated
from sagecell_tx.kernelside.interact.controls.control import (
    Adapter,
    Control,
    Evaluate,
    items,
    shown,
    text,
)
from sagecell_tx.kernelside.interact.values import written

#: Boxes that one grid may have.
BOXES = 10_000


class InputGrid(Control):
    """A grid of boxes; the function gets a list of rows, or what `to_value` makes of it.

    `default` is one value for all boxes, a list of rows, a list of all values row by row, or a
    matrix. With `evaluate` the rows have the values of the texts, otherwise the texts.
    """

    kind = "input_grid"

    def __init__(
        self,
        nrows: int = 1,
        ncols: int = 1,
        default: Any = "0",
        width: int = 5,
        label: str | None = None,
        evaluate: bool = True,
        to_value: Callable[[Any], Any] | None = None,
        adapter: Adapter | None = None,
        update: bool = True,
    ) -> None:
        super().__init__(label=label, update=update, adapter=adapter or to_value)
        self.nrows, self.ncols = int(nrows), int(ncols)
        if self.nrows < 1 or self.ncols < 1:
            raise ValueError("A grid has at least one row and one column.")
        if self.nrows * self.ncols > BOXES:
            raise ValueError(f"A grid has at most {BOXES} boxes.")
        self.width = max(1, int(width))
        self.evaluate = bool(evaluate)
        self.default = default
        self._initial = self.encode(default)

    def own_fields(self) -> dict[str, Any]:
        """The size in boxes, and the width of a box in characters."""
        return {
            "nrows": self.nrows,
            "ncols": self.ncols,
            "width": self.width,
            "evaluate": self.evaluate,
        }

    @property
    def initial(self) -> list[list[str]]:
        """Rows of text."""
        return [list(row) for row in self._initial]

    def initial_value(self, evaluate: Evaluate) -> Any:
        """The default, see `converted`."""
        return self.converted(self.default, evaluate)

    def decode(self, sent: object, evaluate: Evaluate) -> Any:
        """Rows of values; all boxes are checked before any is evaluated."""
        typed = [[text(box) for box in items(row, self.ncols)] for row in items(sent, self.nrows)]
        if not self.evaluate:
            return typed
        return [[evaluated(box, evaluate) for box in row] for row in typed]

    def converted(self, value: Any, evaluate: Evaluate) -> Any:
        """As `Control.converted`; an evaluated grid passes values that are not text unchanged."""
        typed = self.encode(value)
        given = rows_of(value)
        if not self.evaluate or given is None or not all(map(_is_row, given)):
            return self.receive(typed, evaluate)
        rows = [
            [evaluated(box, evaluate) if isinstance(box, str) else box for box in row]
            for row in given
        ]
        return rows if self.adapter is None else self.adapter(rows)

    def encode(self, value: Any) -> list[list[str]]:
        """Rows of text, from values in any form of `default`; raises ValueError."""
        values = rows_of(value)
        if values is None:
            return [[written(value)] * self.ncols for _ in range(self.nrows)]
        if len(values) == self.nrows * self.ncols and not any(map(_is_row, values)):
            values = [values[n * self.ncols : (n + 1) * self.ncols] for n in range(self.nrows)]
        if len(values) != self.nrows or not all(
            _is_row(row) and len(row) == self.ncols for row in values
        ):
            raise ValueError(
                f"{shown(value)} does not fit {self.nrows} rows of {self.ncols} boxes."
            )
        return [[written(box) for box in row] for row in values]


def rows_of(value: Any) -> list[Any] | None:
    """The rows of a matrix or of a list; None for one value."""
    if isinstance(value, list | tuple):
        return list(value)
    for name in ("rows", "tolist"):  # matrices of Sage, and of numpy
        method = getattr(value, name, None)
        if callable(method) and not isinstance(value, type):
            rows = method()
            if isinstance(rows, list | tuple):
                return [list(row) if hasattr(row, "__len__") else row for row in rows]
    return None


def _is_row(value: object) -> bool:
    return isinstance(value, list | tuple)
