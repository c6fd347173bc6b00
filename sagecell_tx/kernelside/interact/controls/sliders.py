"""Sliders for one value or for a range."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Integral
from typing import Any

from sagecell_tx.kernelside.interact.controls.control import (
    Adapter,
    Control,
    Evaluate,
    InvalidValue,
    finite,
    index,
    items,
    number,
    place,
)
from sagecell_tx.kernelside.interact.controls.selectors import choices
from sagecell_tx.kernelside.interact.values import real

#: The default number of steps.
STEPS = 250


class SliderScale:
    """The scale of a continuous slider: from `low` to `high` in steps of `step`.

    If the ends and `stepsize` are whole numbers, so are the values. Otherwise they are floats, or
    the real numbers of the library that one of the three is from.
    """

    def __init__(self, interval: Any, steps: int, stepsize: Any) -> None:
        try:
            low, high = interval
        except (TypeError, ValueError) as error:
            raise ValueError("The interval of a slider must be two numbers.") from error
        self.low = finite(low, "The lower end of a slider")
        self.high = finite(high, "The upper end of a slider")
        if self.low > self.high:
            raise ValueError("The lower end of a slider is above the upper one.")
        size = finite(stepsize or 0, "The step of a slider")
        if size < 0 or int(steps) < 1:
            raise ValueError("The step of a slider must be above zero.")
        self.step = size or (self.high - self.low) / int(steps) or 1.0
        #: The type of whole numbers, which may be the program's own; None for floats.
        self._whole: Callable[[int], Any] | None = None
        if size and all(map(_is_whole, (low, high, stepsize))):
            self._whole = type(stepsize)
        kinds = [real(each) for each in (low, high, stepsize)]
        self._real = next((kind for kind in kinds if kind is not float), float)

    def value(self, sent: object) -> Any:
        """The function's value for a wire value; raises InvalidValue."""
        plain = number(sent, self.low, self.high)
        return self._whole(round(plain)) if self._whole else self._real(float(plain))

    def nearest(self, value: Any) -> float:
        """The wire value for a program's value, clamped to the ends; raises ValueError."""
        return min(max(finite(value, "The value of a slider"), self.low), self.high)

    @property
    def message(self) -> dict[str, Any]:
        """The ends and the step, for the page."""
        return {"range": [self.low, self.high], "step": self.step}


class ContinuousSlider(Control):
    """A slider over an interval, in `steps` steps or in steps of `stepsize`.

    The function gets a number of the kind that `SliderScale` gives. With `range_slider` it gets a
    pair, the lower number first.
    """

    kind = "slider"

    def __init__(
        self,
        interval: Any = (0, 100),
        default: Any = None,
        steps: int = STEPS,
        stepsize: Any = 0,
        label: str | None = None,
        range_slider: bool = False,
        display_value: bool = True,
        adapter: Adapter | None = None,
        update: bool = True,
    ) -> None:
        super().__init__(label=label, update=update, adapter=adapter)
        self.line = SliderScale(interval, steps, stepsize)
        self.range_slider = bool(range_slider)
        self.display_value = bool(display_value)
        if default is None:
            default = interval if range_slider else self.line.low
        self.default = self.encode(default)

    def own_fields(self) -> dict[str, Any]:
        """The scale, and whether it selects a range."""
        return {
            "subtype": "continuous_range" if self.range_slider else "continuous",
            **self.line.message,
            "display_value": self.display_value,
        }

    @property
    def initial(self) -> Any:
        """A number, or a list of two."""
        return list(self.default) if self.range_slider else self.default

    def decode(self, sent: object, evaluate: Evaluate) -> Any:
        """A number, or a pair in order."""
        if not self.range_slider:
            return self.line.value(sent)
        return _in_order(*(self.line.value(each) for each in items(sent, 2)))

    def encode(self, value: Any) -> Any:
        """A number, or a sorted list of two, clamped to the ends; raises ValueError."""
        if not self.range_slider:
            return self.line.nearest(value)
        low, high = _pair(value)
        return sorted((self.line.nearest(low), self.line.nearest(high)))


class DiscreteSlider(Control):
    """A slider over a list of values, or of pairs of a value and its label, in their order.

    With `range_slider` the function gets a pair of values, in the order of the list.
    """

    kind = "slider"

    def __init__(
        self,
        values: Iterable[Any] = (0, 1),
        default: Any = None,
        label: str | None = None,
        range_slider: bool = False,
        display_value: bool = True,
        adapter: Adapter | None = None,
        update: bool = True,
    ) -> None:
        super().__init__(label=label, update=update, adapter=adapter)
        self.values, self.labels = choices(values)
        self.range_slider = bool(range_slider)
        self.display_value = bool(display_value)
        if default is not None:
            self.default = self.encode(default)
        else:
            self.default = [0, len(self.values) - 1] if range_slider else 0

    def own_fields(self) -> dict[str, Any]:
        """The labels, in order."""
        return {
            "subtype": "discrete_range" if self.range_slider else "discrete",
            "range": [0, len(self.values) - 1],
            "step": 1,
            "values": list(self.labels),
            "display_value": self.display_value,
        }

    @property
    def initial(self) -> Any:
        """An index, or a list of two."""
        return list(self.default) if self.range_slider else self.default

    def decode(self, sent: object, evaluate: Evaluate) -> Any:
        """The value with this index, or a pair of values."""
        count = len(self.values)
        if not self.range_slider:
            return self.values[index(sent, count)]
        low, high = _in_order(*(index(each, count) for each in items(sent, 2)))
        return self.values[low], self.values[high]

    def encode(self, value: Any) -> Any:
        """The index of the value or of the nearest one, or a sorted list of two."""
        if not self.range_slider:
            return nearest(self.values, value)
        return sorted(nearest(self.values, each) for each in _pair(value))


def nearest(values: list[Any], value: Any) -> int:
    """The index of a value in a list, or of the nearest number; raises ValueError."""
    try:
        return place(values, value)
    except ValueError:
        try:
            wanted = float(value)
            return min(range(len(values)), key=lambda place: abs(float(values[place]) - wanted))
        except (TypeError, ValueError, OverflowError):
            pass
        raise


def _pair(value: Any) -> tuple[Any, Any]:
    try:
        low, high = value
    except (TypeError, ValueError) as error:
        raise ValueError("A range slider must have two values.") from error
    return low, high


def _in_order(low: Any, high: Any) -> tuple[Any, Any]:
    if low > high:
        raise InvalidValue("The lower value of a range must come first.")
    return low, high


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
