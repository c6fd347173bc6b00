"""Buttons, which are reset after each run of the function."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sagecell_tx.kernelside.interact.controls.control import (
    Adapter,
    Control,
    Evaluate,
    InvalidValue,
    grid,
    index,
    shown,
)
from sagecell_tx.kernelside.interact.controls.selectors import choices, length


class Button(Control):
    """A button; the function gets `value` when it was pressed, otherwise `default`."""

    kind = "button"
    momentary = True

    def __init__(
        self,
        text: str = "Button",
        default: Any = "",
        value: Any = "",
        width: str | int = "",
        label: str | None = None,
        adapter: Adapter | None = None,
        update: bool = True,
    ) -> None:
        super().__init__(label="" if label is None else label, update=update, adapter=adapter)
        self.text = str(text)
        self.default = default
        self.value = value
        self.width = length(width)

    def own_fields(self) -> dict[str, Any]:
        """The text and the CSS width."""
        return {"text": self.text, "width": self.width}

    @property
    def initial(self) -> bool:
        """False: not pressed."""
        return False

    def decode(self, sent: object, evaluate: Evaluate) -> Any:
        """`value` when pressed, otherwise `default`."""
        if not isinstance(sent, bool):
            raise InvalidValue(f"True or false was expected, not {shown(sent)}.")
        return self.value if sent else self.default

    def encode(self, value: Any) -> Any:
        """Raises ValueError: a program cannot press a button."""
        raise ValueError("A program cannot press a button.")


class UpdateButton(Button):
    """A button that runs the function with all changes since its last run."""

    def __init__(
        self,
        text: str = "Update",
        value: Any = "",
        default: Any = "",
        width: str | int = "",
        label: str | None = None,
        update: bool = True,
    ) -> None:
        super().__init__(text, default, value, width, label, update=update)


class ButtonBar(Control):
    """Several buttons; the function gets the value of the one pressed, otherwise `default`.

    `values`, `nrows`, `ncols` and `width` are as in `Selector`.
    """

    kind = "button_bar"
    momentary = True

    def __init__(
        self,
        values: Iterable[Any] = (0,),
        default: Any = "",
        nrows: int | None = None,
        ncols: int | None = None,
        width: str | int = "",
        label: str | None = None,
        adapter: Adapter | None = None,
        update: bool = True,
    ) -> None:
        super().__init__(label=label, update=update, adapter=adapter)
        self.values, self.labels = choices(values)
        self.default = default
        self.nrows, self.ncols = grid(len(self.values), nrows, ncols)
        self.width = length(width)

    def own_fields(self) -> dict[str, Any]:
        """The number of buttons, their labels row by row, and their layout."""
        return {
            "values": len(self.values),
            "value_labels": list(self.labels),
            "nrows": self.nrows,
            "ncols": self.ncols,
            "width": self.width,
        }

    @property
    def initial(self) -> None:
        """None: no button is pressed."""
        return None

    def decode(self, sent: object, evaluate: Evaluate) -> Any:
        """The value of the button with this index; `default` for None."""
        return self.default if sent is None else self.values[index(sent, len(self.values))]

    def encode(self, value: Any) -> Any:
        """Raises ValueError: a program cannot press a button."""
        raise ValueError("A program cannot press a button.")
