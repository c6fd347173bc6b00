"""What controls need to know of values, by their types.

The functions with `register` are for libraries whose types need something else: see
`functools.singledispatch`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import singledispatch
from numbers import Integral, Rational, Real
from typing import Any


@singledispatch
def written(value: object) -> str:
    """A value as the text of an input box; None is empty."""
    return "" if value is None else str(value)


@singledispatch
def label(value: object) -> str:
    """A value as short text, where it is one of several choices."""
    return str(value)


@singledispatch
def real(end: object) -> Callable[[float], Any]:
    """What makes of a float the kind of real number that a slider to this end gives."""
    return float


def is_inexact(value: object) -> bool:
    """Whether it is a floating-point number."""
    return isinstance(value, Real) and not isinstance(value, Rational)


def plain(value: Any) -> Any:
    """A program's wire value as JSON has it: numbers are Python's, sequences are lists."""
    if isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value
