"""The control functions of the Sage Notebook (sagenb), for older programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sagecell_tx.kernelside.interact.automatic import automatic_control, steps
from sagecell_tx.kernelside.interact.controls.boxes import HtmlBox, InputBox
from sagecell_tx.kernelside.interact.controls.checkbox import Checkbox
from sagecell_tx.kernelside.interact.controls.colors import ColorSelector
from sagecell_tx.kernelside.interact.controls.control import Control
from sagecell_tx.kernelside.interact.controls.grids import InputGrid
from sagecell_tx.kernelside.interact.controls.selectors import Selector
from sagecell_tx.kernelside.interact.controls.sliders import ContinuousSlider, DiscreteSlider


def input_box(
    default: Any = None,
    label: str | None = None,
    type: Any = None,  # noqa: A002 - the name that programs use
    width: int = 80,
    height: int = 1,
) -> Control:
    """An input box.

    The text is evaluated, and `type` is called with the value. With `type` `str` it stays text, and
    a type named Color gives a colour selector.
    """
    if type is str:
        return InputBox("" if default is None else str(default), label, width, height)
    if getattr(type, "__name__", None) == "Color":
        return color_selector("#0000ff" if default is None else default, label)
    adapter = None if type is None else lambda value: None if value is None else type(value)
    shown = "" if default is None else default
    return InputBox(shown, label, width, height, adapter=adapter, evaluate=True)


def slider(
    vmin: Any,
    vmax: Any = None,
    step_size: Any = None,
    default: Any = None,
    label: str | None = None,
    display_value: bool = True,
) -> Control:
    """A slider over a list of values, or from `vmin` to `vmax`, or from 0 to `vmin` alone."""
    return _slider(vmin, vmax, step_size, default, label, display_value, False)


def range_slider(
    vmin: Any,
    vmax: Any = None,
    step_size: Any = None,
    default: Any = None,
    label: str | None = None,
    display_value: bool = True,
) -> Control:
    """As `slider`, for a range: the function gets a pair of values."""
    return _slider(vmin, vmax, step_size, default, label, display_value, True)


def _slider(
    vmin: Any, vmax: Any, step: Any, default: Any, label: str | None, shown: bool, pair: bool
) -> Control:
    if isinstance(vmin, Iterable):
        return DiscreteSlider(vmin, default, label, pair, shown)
    if vmax is None:
        vmin, vmax = 0 * vmin, vmin
    if step is None:
        return ContinuousSlider((vmin, vmax), default, 250, 0, label, pair, shown)
    meant = automatic_control((vmin, vmax, step))
    if isinstance(meant, ContinuousSlider):
        return ContinuousSlider((vmin, vmax), default, 250, step, label, pair, shown)
    return DiscreteSlider(steps(vmin, vmax, step), default, label, pair, shown)


def selector(
    values: Iterable[Any],
    label: str | None = None,
    default: Any = None,
    nrows: int | None = None,
    ncols: int | None = None,
    width: str | int | None = None,
    buttons: bool = False,
) -> Selector:
    """A drop-down list; buttons if `buttons`, `nrows` or `ncols` is given."""
    shape = "button" if buttons or nrows is not None or ncols is not None else "list"
    return Selector(values, default, shape, nrows, ncols, width or "", label)


def input_grid(
    nrows: int,
    ncols: int,
    default: Any = None,
    label: str | None = None,
    to_value: Callable[[Any], Any] | None = None,
    width: int = 4,
) -> InputGrid:
    """A grid of input boxes; the function gets the list of rows, converted by `to_value`."""
    start = "" if default is None else default
    return InputGrid(nrows, ncols, start, width, label, to_value=to_value)


def checkbox(default: bool = True, label: str | None = None) -> Checkbox:
    """A checkbox."""
    return Checkbox(default, label)


def color_selector(
    default: Any = (0, 0, 1),
    label: str | None = None,
    widget: str = "colorpicker",
    hide_box: bool = False,
) -> ColorSelector:
    """A colour selector. `widget` is ignored: there is only one."""
    return ColorSelector(default, label, hide_box)


def text_control(value: str = "") -> HtmlBox:
    """HTML among the controls."""
    return HtmlBox(value)
