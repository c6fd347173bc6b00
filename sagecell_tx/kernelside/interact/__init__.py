"""Interacts: functions whose arguments the visitor sets with controls on the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagecell_tx.kernelside.interact.controls.boxes import ExpressionBox, HtmlBox, InputBox
from sagecell_tx.kernelside.interact.controls.buttons import Button, ButtonBar, UpdateButton
from sagecell_tx.kernelside.interact.controls.checkbox import Checkbox
from sagecell_tx.kernelside.interact.controls.colors import ColorSelector
from sagecell_tx.kernelside.interact.controls.grids import InputGrid
from sagecell_tx.kernelside.interact.controls.multisliders import MultiSlider
from sagecell_tx.kernelside.interact.controls.selectors import Selector
from sagecell_tx.kernelside.interact.controls.sliders import ContinuousSlider, DiscreteSlider
from sagecell_tx.kernelside.interact.sagenb import (
    checkbox,
    color_selector,
    input_box,
    input_grid,
    range_slider,
    selector,
    slider,
    text_control,
)

_CLASSES = (
    *(Button, ButtonBar, Checkbox, ColorSelector, ContinuousSlider, DiscreteSlider),
    *(ExpressionBox, HtmlBox, InputBox, InputGrid, MultiSlider, Selector, UpdateButton),
)
_FUNCTIONS = (
    *(checkbox, color_selector, input_box, input_grid),
    *(range_slider, selector, slider, text_control),
)

#: The control classes and functions, by the names under which programs find them.
NAMES: Mapping[str, Any] = {each.__name__: each for each in (*_CLASSES, *_FUNCTIONS)}
