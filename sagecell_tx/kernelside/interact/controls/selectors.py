"""A choice of one value, by a drop-down list, radio buttons or buttons."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sagecell_tx.kernelside.interact.controls.control import (
    Adapter,
    Control,
    Evaluate,
    grid,
    index,
    place,
)
from sagecell_tx.kernelside.interact.values import label as label_of

TYPES = ("list", "radio", "button")

#: Choices that one control may have.
CHOICES = 10_000


class Selector(Control):
    """A choice of one value; the function gets that value.

    `values` are the values, or pairs of a value and its label. `default` is one of the values.
    `selector_type` is `list` (drop-down), `radio` or `button`; radio buttons and buttons are in
    `nrows` rows and `ncols` columns, each of the CSS width `width`.
    """

    kind = "selector"

    def __init__(
        self,
        values: Iterable[Any] = (0,),
        default: Any = None,
        selector_type: str = "list",
        nrows: int | None = None,
        ncols: int | None = None,
        width: str | int = "",
        label: str | None = None,
        adapter: Adapter | None = None,
        update: bool = True,
    ) -> None:
        super().__init__(label=label, update=update, adapter=adapter)
        if selector_type not in TYPES:
            raise ValueError(f"The type of a selector must be one of: {', '.join(TYPES)}.")
        self.values, self.labels = choices(values)
        self.selector_type = selector_type
        self.nrows, self.ncols = grid(len(self.values), nrows, ncols)
        self.width = length(width)
        self.default = 0 if default is None else place(self.values, default)

    def own_fields(self) -> dict[str, Any]:
        """The number of choices, their labels in order, and their layout."""
        return {
            "subtype": self.selector_type,
            "values": len(self.values),
            "value_labels": list(self.labels),
            "nrows": self.nrows,
            "ncols": self.ncols,
            "width": self.width,
        }

    @property
    def initial(self) -> int:
        """The index of the default choice."""
        return self.default

    def decode(self, sent: object, evaluate: Evaluate) -> Any:
        """The value with this index."""
        return self.values[index(sent, len(self.values))]

    def encode(self, value: Any) -> int:
        """The value's index; raises ValueError."""
        return place(self.values, value)


def choices(values: Iterable[Any]) -> tuple[list[Any], list[str]]:
    """Values and their labels, from values or pairs of both; raises ValueError."""
    listed: list[Any] = []
    for value in values:
        if len(listed) == CHOICES:
            raise ValueError(f"There can be at most {CHOICES} choices.")
        listed.append(value)
    if not listed:
        raise ValueError("There must be at least one choice.")
    if all(isinstance(each, tuple) and len(each) == 2 for each in listed):
        return [value for value, _ in listed], [str(label) for _, label in listed]
    return listed, [label_of(value) for value in listed]


def length(width: str | int | None) -> str:
    """A CSS length: a number is in em; empty if the page is to choose."""
    if width is None or width == "":
        return ""
    return width if isinstance(width, str) else f"{float(width):g}em"
