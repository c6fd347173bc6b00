"""Several sliders that are one control."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sagecell_tx.kernelside.interact.controls.control import (
    Adapter,
    Control,
    Evaluate,
    index,
    items,
)
from sagecell_tx.kernelside.interact.controls.selectors import choices
from sagecell_tx.kernelside.interact.controls.sliders import STEPS, SliderScale, nearest

#: Sliders that one control may have.
SLIDERS = 1000


class MultiSlider(Control):
    """Several sliders side by side; the function gets the list of their values.

    `slider_type` is `continuous`, with an interval and steps for each, or `discrete`, with values
    for each. If fewer are given than there are sliders, the last is used for the rest.
    """

    kind = "multi_slider"

    def __init__(
        self,
        sliders: int = 1,
        values: Sequence[Any] = ((0, 1),),
        interval: Sequence[Any] = ((0, 1),),
        slider_type: str = "continuous",
        stepsize: Sequence[Any] = (0,),
        steps: Sequence[int] = (STEPS,),
        default: Any = None,
        label: str | None = None,
        display_values: bool = True,
        adapter: Adapter | None = None,
        update: bool = True,
    ) -> None:
        super().__init__(label=label, update=update, adapter=adapter)
        self.sliders = int(sliders)
        if not 1 <= self.sliders <= SLIDERS:
            raise ValueError(f"There must be 1 to {SLIDERS} sliders.")
        if slider_type not in ("continuous", "discrete"):
            raise ValueError("The type of sliders must be continuous or discrete.")
        self.discrete = slider_type == "discrete"
        self.display_values = bool(display_values)
        if self.discrete:
            self.choices = [choices(each) for each in self._each(values, "values")]
            first: list[Any] = [0] * self.sliders
        else:
            given = (interval, steps, stepsize)
            names = ("interval", "steps", "stepsize")
            self.lines = [
                SliderScale(*each) for each in zip(*map(self._each, given, names), strict=True)
            ]
            first = [line.low for line in self.lines]
        chosen = None if default is None else self._each(default, "default")
        self.default = first if chosen is None else self.encode(chosen)

    def _each(self, given: Any, name: str) -> list[Any]:
        listed = list(given)
        if not listed:
            raise ValueError(f"There must be at least one value in {name}.")
        return (listed + listed[-1:] * self.sliders)[: self.sliders]

    def own_fields(self) -> dict[str, Any]:
        """The number of sliders, and the range and step of each."""
        if self.discrete:
            where: dict[str, Any] = {
                "subtype": "discrete",
                "range": [[0, len(values) - 1] for values, _ in self.choices],
                "step": [1] * self.sliders,
                "values": [list(labels) for _, labels in self.choices],
            }
        else:
            where = {
                "subtype": "continuous",
                "range": [[line.low, line.high] for line in self.lines],
                "step": [line.step for line in self.lines],
            }
        return {"sliders": self.sliders, **where, "display_values": self.display_values}

    @property
    def initial(self) -> list[Any]:
        """The initial wire value of each slider."""
        return list(self.default)

    def decode(self, sent: object, evaluate: Evaluate) -> Any:
        """The value of each slider."""
        given = items(sent, self.sliders)
        if self.discrete:
            pairs = zip(self.choices, given, strict=True)
            return [values[index(each, len(values))] for (values, _), each in pairs]
        return [line.value(each) for line, each in zip(self.lines, given, strict=True)]

    def encode(self, value: Any) -> list[Any]:
        """The wire value of each slider, clamped or the nearest; raises ValueError."""
        given = list(value)
        if len(given) != self.sliders:
            raise ValueError(f"A list of {self.sliders} values was expected, one for each slider.")
        if self.discrete:
            pairs = zip(self.choices, given, strict=True)
            return [nearest(values, each) for (values, _), each in pairs]
        return [line.nearest(each) for line, each in zip(self.lines, given, strict=True)]
