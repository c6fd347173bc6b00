"""What a control is: it says how it looks, reads what a client sends, and shows what a program sets.

A control holds no value of its own, so one object may serve several interacts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

#: Evaluates what a visitor typed; raises whatever that raises.
Evaluate = Callable[[str], Any]

#: Takes what the control made of a client's value; returns what the function gets.
Adapter = Callable[[Any], Any]


class InvalidValue(ValueError):
    """What a client sent is no value of the control; the text is a sentence."""


class Control:
    """One argument of an interact, as the visitor sees it.

    `label` is text before it, the argument's name when None. With `update` the function runs
    as soon as the visitor changes the control. `adapter`: see `Adapter`.
    """

    kind: ClassVar[str]

    #: Whether it goes back to its default when the function has run.
    momentary: ClassVar[bool] = False

    def __init__(
        self, *, label: str | None = None, update: bool = True, adapter: Adapter | None = None
    ) -> None:
        if label is not None and not isinstance(label, str):
            raise TypeError(f"A label is a string, not {label!r:.100}.")
        self.label = label
        self.update = bool(update)
        self.adapter = adapter

    def message(self) -> dict[str, Any]:
        """How it looks, as the page is told; without its label and what it updates."""
        return {"control_type": self.kind, "default": self.initial, **self.own_fields()}

    def own_fields(self) -> dict[str, Any]:
        """The fields that it alone has."""
        return {}

    @property
    def initial(self) -> Any:
        """Its first value, as a client would send it."""
        raise NotImplementedError

    def initial_value(self, evaluate: Evaluate) -> Any:
        """What the function gets of the first value."""
        return self.receive(self.initial, evaluate)

    def converted(self, value: Any, evaluate: Evaluate) -> Any:
        """What the function gets of a value that a program sets; raises ValueError."""
        return self.receive(self.encode(value), evaluate)

    def receive(self, sent: object, evaluate: Evaluate) -> Any:
        """What the function gets of what a client sent.

        Raises InvalidValue when that is no value of this control; what the visitor's text or
        the adapter raise passes.
        """
        value = self.decode(sent, evaluate)
        return value if self.adapter is None else self.adapter(value)

    def decode(self, sent: object, evaluate: Evaluate) -> Any:
        """The same without the adapter."""
        raise NotImplementedError

    def encode(self, value: Any) -> Any:
        """What the page is told when a program sets `value`; raises ValueError when it cannot be."""
        raise NotImplementedError


def number(sent: object, low: float, high: float) -> int | float:
    """A number between two others, which what is a rounding error outside becomes."""
    if isinstance(sent, bool) or not isinstance(sent, int | float):
        raise InvalidValue(f"A number was expected, not {shown(sent)}.")
    slack = 1e-9 * (high - low)
    if not low - slack <= sent <= high + slack:  # and so not for not-a-number
        raise InvalidValue(f"The number must be from {low} to {high}.")
    return min(max(sent, low), high)


def index(sent: object, count: int) -> int:
    """A place in a list of `count`."""
    if isinstance(sent, float) and sent.is_integer():
        sent = int(sent)
    if isinstance(sent, bool) or not isinstance(sent, int):
        raise InvalidValue(f"The number of a choice was expected, not {shown(sent)}.")
    if not 0 <= sent < count:
        raise InvalidValue(f"There are the choices 0 to {count - 1}.")
    return sent


def text(sent: object) -> str:
    """A string."""
    if not isinstance(sent, str):
        raise InvalidValue(f"A string was expected, not {shown(sent)}.")
    return sent


def items(sent: object, count: int) -> list[Any]:
    """A list of `count` things."""
    if not isinstance(sent, list) or len(sent) != count:
        raise InvalidValue(f"A list of {count} values was expected.")
    return sent


def shown(value: object) -> str:
    """A value as it may stand in a sentence."""
    try:
        return f"{value!r:.60}"
    except Exception:
        return f"a {type(value).__name__}"


def place(values: list[Any], value: object) -> int:
    """Where a value stands in a list; raises ValueError.

    Objects of mathematics may say something else than yes or no to whether they are equal.
    """
    for position, each in enumerate(values):
        if each is value:
            return position
    for position, each in enumerate(values):
        try:
            if bool(each == value):
                return position
        except Exception:
            continue
    raise ValueError(f"{shown(value)} is none of the choices.")


def finite(value: Any, what: str) -> float:
    """A number that a program gave, for the page; raises ValueError."""
    try:
        plain = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{what} must be a number, not {shown(value)}.") from error
    if not math.isfinite(plain):
        raise ValueError(f"{what} must be a finite number.")
    return plain


def grid(count: int, nrows: int | None, ncols: int | None) -> tuple[int, int]:
    """Rows and columns for `count` things; what is not given follows from the other."""
    for given in (nrows, ncols):
        if given is not None and int(given) < 1:
            raise ValueError("There must be at least one row and one column.")
    if nrows is None:
        columns = count if ncols is None else min(int(ncols), count)
        return -(-count // columns), columns
    rows = min(int(nrows), count)
    needed = -(-count // rows)
    return rows, needed if ncols is None else max(int(ncols), needed)
