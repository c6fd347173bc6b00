"""A checkbox."""

from __future__ import annotations

from typing import Any

from sagecell_tx.kernelside.interact.controls.control import (
    Adapter,
    Control,
    Evaluate,
    InvalidValue,
    shown,
)


class Checkbox(Control):
    """A checkbox; the function gets True or False."""

    kind = "checkbox"

    def __init__(
        self,
        default: bool = True,
        label: str | None = None,
        adapter: Adapter | None = None,
        update: bool = True,
    ) -> None:
        super().__init__(label=label, update=update, adapter=adapter)
        self.default = bool(default)

    @property
    def initial(self) -> bool:
        """Whether it is ticked at first."""
        return self.default

    def decode(self, sent: object, evaluate: Evaluate) -> Any:
        """The boolean itself; raises InvalidValue for anything else."""
        if not isinstance(sent, bool):
            raise InvalidValue(f"True or false was expected, not {shown(sent)}.")
        return sent

    def encode(self, value: Any) -> bool:
        """Whether the value counts as true."""
        return bool(value)
