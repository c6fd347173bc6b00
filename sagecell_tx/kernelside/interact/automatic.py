"""The automatic control for the default value of an argument."""

from __future__ import annotations

from functools import singledispatch
from numbers import Integral
from typing import Any

from sagecell_tx.kernelside.interact.arrays import (
    BUTTONS,
    TAKEN,
    choice_of,
    is_array,
    is_number,
    is_ordered,
    is_truth,
    moment_box,
    moments,
    sole_choice,
    values_of,
)
from sagecell_tx.kernelside.interact.controls.boxes import InputBox
from sagecell_tx.kernelside.interact.controls.checkbox import Checkbox
from sagecell_tx.kernelside.interact.controls.colors import HEX, ColorSelector
from sagecell_tx.kernelside.interact.controls.control import Control
from sagecell_tx.kernelside.interact.controls.grids import BOXES, InputGrid, rows_of
from sagecell_tx.kernelside.interact.controls.selectors import Selector
from sagecell_tx.kernelside.interact.controls.sliders import ContinuousSlider, DiscreteSlider
from sagecell_tx.kernelside.interact.values import is_inexact


def automatic_control(meant: Any) -> Control:
    """The control for an argument's default; raises ValueError when no control fits.

    ======================== ==========================================================
    a control                itself
    ``True``, ``False``      a checkbox
    a date or a time         a box for it
    ``"#0000ff"``, a Color   a colour selector
    text                     a box for text
    ``[1, 2, 3]``            up to five buttons; a drop-down list for more values
    ``[[1, 2], [3, 4]]``     a grid of boxes; also for a matrix, and it gives a matrix
    ``(0, 10)``              a slider; a third number is its step
    ``(5, (0, 10))``         the same, with a default; also for a list
    ``("label", ...)``       the control for the second item, with a label
    ``(date, date)``         a slider over days, or in steps of a third item
    ``range(5)``             a slider over values; also for iterators and other tuples
    ``linspace(0, 1)``       the same for an array or series of numbers or dates; for one of
                             other values as for a list
    a table, a large array   a drop-down list with this one choice
    a type of a library      the control that it has registered with `own_control`
    anything else            a box whose text is evaluated
    ======================== ==========================================================
    """
    if isinstance(meant, Control):
        return meant
    if is_truth(meant):
        return Checkbox(bool(meant))
    own = own_control(meant)
    if own is not None:
        return own
    if isinstance(meant, str):
        return ColorSelector(meant) if HEX.fullmatch(meant) else InputBox(meant)
    if callable(getattr(meant, "html_color", None)) and not isinstance(meant, type):
        return ColorSelector(meant)
    if isinstance(meant, tuple):
        return _from_tuple(meant)
    if isinstance(meant, list) and meant:
        return _from_list(meant, None)
    if _is_matrix(meant):
        return _from_matrix(meant)
    if (values := values_of(meant)) or is_ordered(meant):
        return choice_of(values, ordered=is_ordered(meant))
    return moment_box(meant) or sole_choice(meant) or InputBox(meant, evaluate=True)


@singledispatch
def own_control(meant: Any) -> Control | None:
    """The control for a type of a library that has registered one; else None."""
    return None


def _from_tuple(meant: tuple[Any, ...]) -> Control:
    if len(meant) == 2:
        first, second = meant
        if isinstance(first, str):
            return labelled(second, first)
        if isinstance(second, tuple) and _is_line(second):
            return _slider(second, first)
        if isinstance(second, list) and second:
            return _from_list(second, first)
        if isinstance(second, tuple) and (dates := moments(second)):
            return choice_of(dates, first)
        if not is_array(first) and ((values := values_of(second)) or is_ordered(second)):
            return choice_of(values, first, ordered=is_ordered(second))
    if _is_line(meant):
        return _slider(meant, None)
    if dates := moments(meant):
        return choice_of(dates)
    if not meant:
        raise ValueError("There is no control for an empty tuple.")
    return DiscreteSlider(meant)


def labelled(meant: Any, label: str) -> Control:
    """The automatic control for a value, with a label."""
    control = automatic_control(meant)
    control.label = label
    return control


def _is_line(meant: tuple[Any, ...]) -> bool:
    return len(meant) in (2, 3) and all(map(is_number, meant))


def _slider(line: tuple[Any, ...], default: Any) -> Control:
    if len(line) == 2:
        return ContinuousSlider(line, default)
    low, high, step = line
    if is_inexact(step) or all(isinstance(each, Integral) or is_inexact(each) for each in line):
        return ContinuousSlider((low, high), default, stepsize=step)
    # A slider over values keeps exact numbers, such as fractions, as they are.
    return DiscreteSlider(steps(low, high, step), default)


def steps(low: Any, high: Any, step: Any) -> list[Any]:
    """The numbers from `low` to at most `high`, in steps of `step`; raises ValueError."""
    if not float(step) > 0 or float(low) > float(high):
        raise ValueError("A slider needs ends in ascending order and a step above zero.")
    count = int((float(high) - float(low)) / float(step) + 1e-9) + 1
    if count > TAKEN:
        raise ValueError(f"A slider has at most {TAKEN} values.")
    return [low + number * step for number in range(count)]


def _from_list(meant: list[Any], default: Any) -> Control:
    width = len(meant[0]) if isinstance(meant[0], list) else 0
    if width and all(isinstance(row, list) and len(row) == width for row in meant):
        return InputGrid(len(meant), width, meant)
    shape = "button" if len(meant) <= BUTTONS else "list"
    return Selector(meant, default, shape)


def _is_matrix(meant: Any) -> bool:
    is_sages = hasattr(meant, "nrows")
    if isinstance(meant, type) or not (is_sages or getattr(meant, "ndim", None) == 2):
        return False
    rows = rows_of(meant)
    if not rows or not isinstance(rows[0], list) or not rows[0]:
        return False
    return is_sages or len(rows) * len(rows[0]) <= BOXES


def _from_matrix(meant: Any) -> Control:
    rows = rows_of(meant) or []
    if hasattr(meant, "nrows"):
        parent = getattr(meant, "parent", None)
        back: Any = parent() if callable(parent) else None
    else:
        back = type(meant)
        if back.__name__ == "ndarray":
            import numpy

            back = numpy.array
    is_text = all(isinstance(box, str) for row in rows for box in row)
    return InputGrid(len(rows), len(rows[0]), rows, evaluate=not is_text, to_value=back)
