"""The base class of controls, and functions that check their values.

A wire value is a control's value as JSON, as messages to and from a client have it. A control
holds no value of its own, so one object may serve several interacts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

#: Evaluates what a visitor typed; raises whatever that raises.
Evaluate = Callable[[str], Any]

#: Converts a control's value to the function's argument.
Adapter = Callable[[Any], Any]


class InvalidValue(ValueError):
    """A client sent a value that the control cannot have; the message is for users."""


class Control:
    """One argument of an interact, as the visitor sees it.

    `label` is text before it, the argument's name when None. With `update` the function runs
    as soon as the visitor changes the control. `adapter`: see `Adapter`.
    """

    kind: ClassVar[str]

    #: Whether it is reset to its initial value after each run of the function.
    momentary: ClassVar[bool] = False

    def __init__(
        self, *, label: str | None = None, update: bool = True, adapter: Adapter | None = None
    ) -> None:
        if label is not None and not isinstance(label, str):
            raise TypeError(f"A label must be a string, not {label!r:.100}.")
        self.label = label
        self.update = bool(update)
        self.adapter = adapter

    def message(self) -> dict[str, Any]:
        """The description for the page, without `label` and `update`."""
        return {"control_type": self.kind, "default": self.initial, **self.own_fields()}

    def own_fields(self) -> dict[str, Any]:
        """The fields of the description that only this kind of control has."""
        return {}

    @property
    def initial(self) -> Any:
        """The initial wire value."""
        raise NotImplementedError

    def initial_value(self, evaluate: Evaluate) -> Any:
        """The initial value as the function gets it."""
        return self.receive(self.initial, evaluate)

    def converted(self, value: Any, evaluate: Evaluate) -> Any:
        """A value that a program sets, as the function gets it; raises ValueError."""
        return self.receive(self.encode(value), evaluate)

    def receive(self, sent: object, evaluate: Evaluate) -> Any:
        """A client's wire value, as the function gets it.

        Raises InvalidValue when the control cannot have it; exceptions from the visitor's text or
        the adapter pass through.
        """
        value = self.decode(sent, evaluate)
        return value if self.adapter is None else self.adapter(value)

    def decode(self, sent: object, evaluate: Evaluate) -> Any:
        """As `receive`, without the adapter."""
        raise NotImplementedError

    def encode(self, value: Any) -> Any:
        """The wire value for a value that a program sets; raises ValueError when there is none."""
        raise NotImplementedError


def number(sent: object, low: float, high: float) -> int | float:
    """A number from `low` to `high`, clamped after a rounding error; raises InvalidValue."""
    if isinstance(sent, bool) or not isinstance(sent, int | float):
        raise InvalidValue(f"A number was expected, not {shown(sent)}.")
    slack = 1e-9 * (high - low)
    if not low - slack <= sent <= high + slack:  # also refuses NaN
        raise InvalidValue(f"The number must be from {low} to {high}.")
    return min(max(sent, low), high)


def index(sent: object, count: int) -> int:
    """An index into a list of `count` items; raises InvalidValue."""
    if isinstance(sent, float) and sent.is_integer():
        sent = int(sent)
    if isinstance(sent, bool) or not isinstance(sent, int):
        raise InvalidValue(f"The index of a choice was expected, not {shown(sent)}.")
    if not 0 <= sent < count:
        raise InvalidValue(f"The index of a choice must be from 0 to {count - 1}.")
    return sent


def text(sent: object) -> str:
    """A string; raises InvalidValue for anything else."""
    if not isinstance(sent, str):
        raise InvalidValue(f"A string was expected, not {shown(sent)}.")
    return sent


def items(sent: object, count: int) -> list[Any]:
    """A list of `count` items; raises InvalidValue for anything else."""
    if not isinstance(sent, list) or len(sent) != count:
        raise InvalidValue(f"A list of {count} values was expected.")
    return sent


def shown(value: object) -> str:
    """A short representation of a value for messages; never raises."""
    try:
        return f"{value!r:.60}"
    except Exception:
        return f"a {type(value).__name__}"


def place(values: list[Any], value: object) -> int:
    """The index of a value in a list, by identity or else equality; raises ValueError.

    Comparing mathematical objects may raise, or give something that is not a boolean.
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
    raise ValueError(f"{shown(value)} is not one of the choices.")


def finite(value: Any, what: str) -> float:
    """A program's number as a finite float; raises ValueError, whose message begins with `what`."""
    try:
        plain = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{what} must be a number, not {shown(value)}.") from error
    if not math.isfinite(plain):
        raise ValueError(f"{what} must be a finite number.")
    return plain


def grid(count: int, nrows: int | None, ncols: int | None) -> tuple[int, int]:
    """Rows and columns for `count` items; one that is None follows from the other."""
    for given in (nrows, ncols):
        if given is not None and int(given) < 1:
            raise ValueError("There must be at least one row and one column.")
    if nrows is None:
        columns = count if ncols is None else min(int(ncols), count)
        return -(-count // columns), columns
    rows = min(int(nrows), count)
    needed = -(-count // rows)
    return rows, needed if ncols is None else max(int(ncols), needed)
