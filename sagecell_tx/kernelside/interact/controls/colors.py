"""A colour selector."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar

from sagecell_tx.kernelside.interact.controls.control import (
    Adapter,
    Control,
    Evaluate,
    InvalidValue,
    shown,
    text,
)

HEX = re.compile(r"#[0-9a-fA-F]{6}")
_SHORT = re.compile(r"#[0-9a-fA-F]{3}")

#: The sixteen colour names of HTML 4, and some that plots use.
NAMES = {
    "aqua": "#00ffff",
    "black": "#000000",
    "blue": "#0000ff",
    "brown": "#a52a2a",
    "cyan": "#00ffff",
    "fuchsia": "#ff00ff",
    "gray": "#808080",
    "green": "#008000",
    "grey": "#808080",
    "lime": "#00ff00",
    "magenta": "#ff00ff",
    "maroon": "#800000",
    "navy": "#000080",
    "olive": "#808000",
    "orange": "#ffa500",
    "pink": "#ffc0cb",
    "purple": "#800080",
    "red": "#ff0000",
    "silver": "#c0c0c0",
    "teal": "#008080",
    "violet": "#ee82ee",
    "white": "#ffffff",
    "yellow": "#ffff00",
}


class ColorSelector(Control):
    """A colour selector; the function gets text like `#0000ff`, or a colour made by `color_class`.

    `default` is a name, text like `#00f` or `#0000ff`, three numbers from 0 to 1, or a colour.
    `hide_input` hides the text box; without `sage_mode` the function always gets text.
    """

    kind = "color_selector"

    #: Makes a colour, which has the method `html_color`, of text like `#0000ff` or of a name; raises
    #: ValueError. Set once by an environment that has such colours.
    color_class: ClassVar[Callable[[str], Any] | None] = None

    def __init__(
        self,
        default: Any = "#000000",
        label: str | None = None,
        hide_input: bool = False,
        sage_mode: bool = True,
        adapter: Adapter | None = None,
        update: bool = True,
    ) -> None:
        super().__init__(label=label, update=update, adapter=adapter)
        self.default = self.encode(default)
        self.hide_input = bool(hide_input)
        self.sage_mode = bool(sage_mode)

    def own_fields(self) -> dict[str, Any]:
        """Whether the text box is hidden."""
        return {"hide_input": self.hide_input}

    @property
    def initial(self) -> str:
        """Text like `#0000ff`."""
        return self.default

    def decode(self, sent: object, evaluate: Evaluate) -> Any:
        """Text like `#0000ff`, or a colour."""
        chosen = text(sent)
        if not HEX.fullmatch(chosen):
            raise InvalidValue(f"A colour like #0000ff was expected, not {shown(sent)}.")
        make = type(self).color_class
        return make(chosen) if self.sage_mode and make is not None else chosen.lower()

    def encode(self, value: Any) -> str:
        """Text like `#0000ff`; raises ValueError."""
        if callable(getattr(value, "html_color", None)):
            value = value.html_color()
        if isinstance(value, str):
            return _from_text(value.strip(), type(self).color_class)
        try:
            parts = [round(255 * float(part)) for part in value]
        except (TypeError, ValueError, OverflowError):
            parts = []
        if len(parts) != 3 or not all(0 <= part <= 255 for part in parts):
            raise ValueError(f"{shown(value)} is not a colour.")
        return "#" + "".join(f"{part:02x}" for part in parts)


def _from_text(value: str, color_class: Callable[[str], Any] | None) -> str:
    if HEX.fullmatch(value):
        return value.lower()
    if _SHORT.fullmatch(value):
        return "#" + "".join(2 * digit for digit in value[1:].lower())
    if value.lower() in NAMES:
        return NAMES[value.lower()]
    if color_class is None:
        raise ValueError(f"{shown(value)} is not a colour.")
    code: str = color_class(value.lower()).html_color()
    return code
