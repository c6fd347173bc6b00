"""Controls for values in arrays, series and other sequences, and for dates."""

from __future__ import annotations

import sys
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, MappingView
from datetime import date, datetime, time, timedelta
from itertools import islice
from numbers import Complex, Number, Real
from typing import Any

from sagecell_tx.kernelside.interact.controls.boxes import InputBox
from sagecell_tx.kernelside.interact.controls.control import Control
from sagecell_tx.kernelside.interact.controls.selectors import Selector
from sagecell_tx.kernelside.interact.controls.sliders import DiscreteSlider
from sagecell_tx.kernelside.interact.values import label

#: A selector with at most this many values is buttons, a longer one a drop-down list.
BUTTONS = 5

#: The most values that are read from an iterator, which may be endless, and that a slider has.
TAKEN = 10_000

_MIDNIGHT = " 00:00:00"


def is_number(value: object) -> bool:
    """Whether it is a real number; those of other libraries need not be `numbers.Number`."""
    if is_truth(value) or isinstance(value, complex | str):
        return False
    if isinstance(value, Number):
        return isinstance(value, Real) or not isinstance(value, Complex)
    if isinstance(value, Iterable) or not hasattr(value, "__float__"):
        return False
    try:
        return float(value) == float(value)
    except Exception:
        return False


def is_truth(value: object) -> bool:
    """Whether it is True or False, also numpy's."""
    dtype = getattr(value, "dtype", None)
    scalar = getattr(value, "shape", None) == ()
    return isinstance(value, bool) or bool(scalar and getattr(dtype, "kind", "") == "b")


def is_ordered(meant: object) -> bool:
    """Whether its values are for a slider, whatever they are."""
    return isinstance(meant, range | Iterator)


def is_array(meant: Any) -> bool:
    """Whether it is an array, series or index with one dimension."""
    has_one = getattr(meant, "ndim", None) == 1 and hasattr(meant, "__iter__")
    return bool(has_one) and not isinstance(meant, type)


def values_of(meant: Any) -> list[Any]:
    """The values of something with one dimension, `TAKEN` at most; empty for anything else."""
    if is_array(meant) or is_ordered(meant) or isinstance(meant, MappingView | deque | array):
        return list(islice(meant, TAKEN))
    return []


def choice_of(values: list[Any], default: Any = None, *, ordered: bool = False) -> Control:
    """A slider over numbers, dates or what is ordered, a selector of any other values.

    Raises ValueError.
    """
    if all(map(is_number, values)) or all(map(_is_moment, values)):
        return DiscreteSlider(_labelled(values), default)
    if ordered:
        return DiscreteSlider(values, default)
    return Selector(values, default, "button" if len(values) <= BUTTONS else "list")


def sole_choice(meant: Any) -> Control | None:
    """For a table, or an array of several dimensions: a list with this one choice; else None."""
    shape = getattr(meant, "shape", None)
    if isinstance(meant, type) or not isinstance(shape, tuple) or len(shape) < 2:
        return None
    size = " by ".join(map(str, shape))
    return Selector([(meant, f"{type(meant).__name__}, {size}")])


def _labelled(values: list[Any]) -> list[Any]:
    """Values with labels that are short: 0.3 for 0.30000000000000004, dates without midnight."""
    labels = [f"{each:.12g}" if isinstance(each, float) else label(each) for each in values]
    if all(label.endswith(_MIDNIGHT) for label in labels):
        labels = [label.removesuffix(_MIDNIGHT) for label in labels]
    return list(zip(values, labels, strict=True))


# --- dates


def _is_moment(value: object) -> bool:
    """Whether it is a point in time: a date of Python, numpy or pandas."""
    return isinstance(value, date) or _is_numpys(value)


def _is_numpys(value: object) -> bool:
    return "numpy" in sys.modules and isinstance(value, sys.modules["numpy"].datetime64)


def moments(line: tuple[Any, ...]) -> list[Any] | None:
    """The dates from one to another, a day apart or in steps of a third item; None for no dates.

    Raises ValueError.
    """
    if len(line) not in (2, 3) or not all(map(_is_moment, line[:2])):
        return None
    low, high = line[:2]
    if len(line) == 3:
        step = line[2]
        if _is_moment(step):
            return None
    else:
        step = sys.modules["numpy"].timedelta64(1, "D") if _is_numpys(low) else timedelta(days=1)
    try:
        count = (high - low) / step + 1
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ValueError(
            "A slider over dates needs two of one kind, and a step in time."
        ) from error
    if not 1 <= count < TAKEN + 1:
        raise ValueError(f"A slider over dates has ends in ascending order, and {TAKEN} at most.")
    return [low + number * step for number in range(int(count))]


def moment_box(meant: Any) -> Control | None:
    """A box for a date or a time in ISO 8601, as it is shown; None for anything else."""
    kind: Any = type(meant)
    if _is_numpys(meant):
        return InputBox(meant, evaluate=False, adapter=kind)
    if isinstance(meant, date | datetime | time):
        return InputBox(meant, evaluate=False, adapter=kind.fromisoformat)
    return None
