"""A colour selector."""

from __future__ import annotations

import re
import sys
from typing import Any

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
    """A colour selector; the function gets a Color if Sage is loaded, else text like `#0000ff`.

    `default` is a name, text like `#00f` or `#0000ff`, three numbers from 0 to 1, or a Color.
    `hide_input` hides the text box; without `sage_mode` the function always gets text.
    """

    kind = "color_selector"

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
        """Text like `#0000ff`, or Sage's Color."""
        chosen = text(sent)
        if not HEX.fullmatch(chosen):
            raise InvalidValue(f"A colour like #0000ff was expected, not {shown(sent)}.")
        color = getattr(sys.modules.get("sage.plot.colors"), "Color", None)
        return color(chosen) if self.sage_mode and color is not None else chosen.lower()

    def encode(self, value: Any) -> str:
        """Text like `#0000ff`; raises ValueError."""
        if callable(getattr(value, "html_color", None)):  # a Color of Sage
            value = value.html_color()
        if isinstance(value, str):
            return _from_text(value.strip())
        try:
            parts = [round(255 * float(part)) for part in value]
        except (TypeError, ValueError, OverflowError):
            parts = []
        if len(parts) != 3 or not all(0 <= part <= 255 for part in parts):
            raise ValueError(f"{shown(value)} is not a colour.")
        return "#" + "".join(f"{part:02x}" for part in parts)


def _from_text(value: str) -> str:
    if HEX.fullmatch(value):
        return value.lower()
    if _SHORT.fullmatch(value):
        return "#" + "".join(2 * digit for digit in value[1:].lower())
    try:
        return NAMES[value.lower()]
    except KeyError:
        raise ValueError(f"{shown(value)} is not a colour.") from None
