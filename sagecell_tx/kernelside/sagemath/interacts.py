"""Interacts with Sage's values: their controls, their texts, and the real numbers of sliders."""

from __future__ import annotations

import re
from collections.abc import Callable
from numbers import Number
from typing import Any

from sage.modules.free_module_element import FreeModuleElement
from sage.plot.colors import Color
from sage.rings.infinity import AnInfinity
from sage.rings.real_double import RealDoubleElement
from sage.rings.real_mpfr import RR, RealNumber
from sage.structure.element import Element, Matrix
from sage.symbolic.callable import CallableSymbolicExpressionRing_class
from sage.symbolic.expression import Expression
from sage.symbolic.ring import SR

from sagecell_tx.kernelside.interact import automatic, values
from sagecell_tx.kernelside.interact.controls.boxes import InputBox
from sagecell_tx.kernelside.interact.controls.colors import ColorSelector
from sagecell_tx.kernelside.interact.controls.control import Control
from sagecell_tx.kernelside.interact.controls.grids import InputGrid

#: The zeros at the end of a decimal fraction, but one after the point and those of intervals (1.50?).
_ZEROS = re.compile(r"(\.\d+?)0+(?![\d?])")

#: A product with a fraction in front, as Sage writes it.
_FRACTION_OF = re.compile(r"(?P<sign>-?)(?P<above>\d+)/(?P<below>\d+)\*(?P<rest>.+)")


def register() -> None:
    """Let all controls use what is in this module. Call it once, after Sage has been loaded."""
    values.real.register(Element, _real)
    values.written.register(Element, _written)
    values.label.register(Element, _written)
    for kind in (RealNumber, RealDoubleElement):
        values.label.register(kind, _rounded)
    values.label.register(Expression, _label)
    automatic.own_control.register(Element, _box)
    automatic.own_control.register(Matrix, _matrix)
    automatic.own_control.register(FreeModuleElement, _vector)
    ColorSelector.color_class = Color


# --- texts


def _written(value: Any) -> str:
    """As Sage writes it, without zeros that say nothing; a function as its expression."""
    if isinstance(value.parent(), CallableSymbolicExpressionRing_class):
        value = SR(value)
    return _ZEROS.sub(r"\1", str(value))


def _rounded(value: Any) -> str:
    return f"{float(value):.12g}"


def _label(value: Any) -> str:
    """As `_written`, but 3*pi/4 for 3/4*pi."""
    text = _written(value)
    fraction = _FRACTION_OF.fullmatch(text)
    # The operator of a sum, such as 1/4*pi + 1, is another.
    if fraction is None or getattr(value.operator(), "__name__", "") != "mul_vararg":
        return text
    sign, above, below, rest = fraction.group("sign", "above", "below", "rest")
    return f"{sign}{rest}/{below}" if above == "1" else f"{sign}{above}*{rest}/{below}"


# --- numbers


def _real(end: Element) -> Callable[[float], Any]:
    return RR  # type: ignore[no-any-return]


# --- controls


def _box(meant: Element) -> Control | None:
    """A box. What is typed instead of anything but numbers is of the same kind, if it can be."""
    if isinstance(meant, Number | AnInfinity):
        return None
    kind = meant.parent()

    def converted(value: Any) -> Any:
        if not isinstance(value, Element) or value.parent() is kind:
            return value
        if kind is SR and isinstance(value, Expression):
            return value  # such as a function
        return kind(value) if kind.has_coerce_map_from(value.parent()) else value

    return InputBox(meant, evaluate=True, adapter=converted)


def _matrix(meant: Any) -> Control:
    """A grid that gives a matrix over the same ring."""
    if not meant.nrows() or not meant.ncols():
        return InputBox(meant, evaluate=True)
    return InputGrid(meant.nrows(), meant.ncols(), meant, to_value=meant.parent())


def _vector(meant: Any) -> Control:
    """A row of boxes that gives a vector of the same module."""
    if not len(meant):
        return InputBox(meant, evaluate=True)
    module = meant.parent()
    return InputGrid(1, len(meant), [list(meant)], to_value=lambda rows: module(rows[0]))
