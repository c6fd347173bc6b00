"""Input boxes, and HTML that a program shows among the controls."""

from __future__ import annotations

from typing import Any

from sagecell_tx.kernelside.interact.controls.control import (
    Adapter,
    Control,
    Evaluate,
    InvalidValue,
    text,
)
from sagecell_tx.kernelside.interact.values import written


class InputBox(Control):
    """An input box for text.

    With `evaluate` the function gets the value of the text, None for an empty box; otherwise the
    text. By default text is evaluated unless `default` is a string. With `keypress` each key press
    is a change. `width` and `height` are in characters; with a width of 0 the page chooses one.
    """

    kind = "input_box"

    def __init__(
        self,
        default: Any = "",
        label: str | None = None,
        width: int = 0,
        height: int = 1,
        keypress: bool = False,
        adapter: Adapter | None = None,
        evaluate: bool | None = None,
        update: bool = True,
    ) -> None:
        super().__init__(label=label, update=update, adapter=adapter)
        self.default = default
        self.width = max(0, int(width or 0))
        self.height = max(1, int(height or 1))
        self.keypress = bool(keypress)
        self.evaluate = not isinstance(default, str) if evaluate is None else bool(evaluate)

    def own_fields(self) -> dict[str, Any]:
        """Size and behaviour; `subtype` is `textarea` for more than one line."""
        return {
            "subtype": "textarea" if self.height > 1 else "input",
            "width": self.width,
            "height": self.height,
            "keypress": self.keypress,
            "evaluate": self.evaluate,
        }

    @property
    def initial(self) -> str:
        """The default as text."""
        return self.encode(self.default)

    def initial_value(self, evaluate: Evaluate) -> Any:
        """The default, see `converted`."""
        return self.converted(self.default, evaluate)

    def converted(self, value: Any, evaluate: Evaluate) -> Any:
        """As `Control.converted`; an evaluated box passes values that are not text unchanged."""
        if not self.evaluate or isinstance(value, str):
            return super().converted(value, evaluate)
        return value if self.adapter is None else self.adapter(value)

    def decode(self, sent: object, evaluate: Evaluate) -> Any:
        """The text, or its value with `evaluate`."""
        typed = text(sent)
        return evaluated(typed, evaluate) if self.evaluate else typed

    def encode(self, value: Any) -> str:
        """The value as text."""
        return written(value)


class ExpressionBox(InputBox):
    """An input box for an expression; the function gets its value."""

    def __init__(
        self,
        default: Any = "0",
        label: str | None = None,
        width: int = 0,
        height: int = 1,
        adapter: Adapter | None = None,
        update: bool = True,
    ) -> None:
        super().__init__(
            default, label, width, height, adapter=adapter, evaluate=True, update=update
        )


class HtmlBox(Control):
    """HTML among the controls; the function gets it. Only the program can change it."""

    kind = "html_box"

    def __init__(self, value: str = "", label: str | None = None) -> None:
        super().__init__(label="" if label is None else label, update=False)
        self.value = str(value)

    def message(self) -> dict[str, Any]:
        """The description has `value` and no default, since the visitor chooses nothing."""
        return {"control_type": self.kind, "value": self.value}

    @property
    def initial(self) -> str:
        """The HTML."""
        return self.value

    def initial_value(self, evaluate: Evaluate) -> Any:
        """The HTML."""
        return self.value

    def converted(self, value: Any, evaluate: Evaluate) -> Any:
        """The HTML."""
        return self.encode(value)

    def decode(self, sent: object, evaluate: Evaluate) -> Any:
        """Raises InvalidValue: a client cannot set it."""
        raise InvalidValue("An HTML box has no value to set.")

    def encode(self, value: Any) -> str:
        """The HTML."""
        return str(value)


def evaluated(typed: str, evaluate: Evaluate) -> Any:
    """The value of an expression; None for blank text."""
    return evaluate(typed) if typed.strip() else None
