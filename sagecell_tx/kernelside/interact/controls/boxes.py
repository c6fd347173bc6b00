"""Places for text: that the visitor writes, and that the program shows."""

from __future__ import annotations

from typing import Any

from sagecell_tx.kernelside.interact.controls.control import (
    Adapter,
    Control,
    Evaluate,
    InvalidValue,
    text,
)


class InputBox(Control):
    """A place to type in.

    With `evaluate` the function gets the value of what was typed, None for nothing, otherwise
    the text. By default text is evaluated if `default` is no string. `keypress`: each key counts,
    not only the last. `width` and `height` are in characters; no width leaves it to the page.
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
        """One line, or an area of several."""
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
        """The default."""
        return self.converted(self.default, evaluate)

    def converted(self, value: Any, evaluate: Evaluate) -> Any:
        """A value that is no text is not written and read again."""
        if not self.evaluate or isinstance(value, str):
            return super().converted(value, evaluate)
        return value if self.adapter is None else self.adapter(value)

    def decode(self, sent: object, evaluate: Evaluate) -> Any:
        """Text, or its value."""
        typed = text(sent)
        return evaluated(typed, evaluate) if self.evaluate else typed

    def encode(self, value: Any) -> str:
        """The value as text."""
        return written(value)


class ExpressionBox(InputBox):
    """A place to type an expression in; the function gets its value."""

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
    """HTML among the controls. The function gets it, and a program may change it; no visitor can."""

    kind = "html_box"

    def __init__(self, value: str = "", label: str | None = None) -> None:
        super().__init__(label="" if label is None else label, update=False)
        self.value = str(value)

    def message(self) -> dict[str, Any]:
        """Its field is `value`: there is nothing to choose, so no default."""
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
        """Nothing that a client sends."""
        raise InvalidValue("This box only shows something.")

    def encode(self, value: Any) -> str:
        """The HTML."""
        return str(value)


def evaluated(typed: str, evaluate: Evaluate) -> Any:
    """What text stands for; None for no text."""
    return evaluate(typed) if typed.strip() else None


def written(value: Any) -> str:
    """A value as a visitor would have typed it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value)
