"""ipywidgets in programs: a widget keeps the session open, as an interact does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ipykernel.comm import CommManager

#: The target of the comms that ipywidgets opens, one for each model.
TARGET = "jupyter.widget"


def register_preloaded() -> None:
    """Let clients open the comms of ipywidgets, if that was imported before there was a kernel."""
    ipywidgets = sys.modules.get("ipywidgets")
    if ipywidgets is not None:
        ipywidgets.register_comm_target()


class WidgetComms(CommManager):  # type: ignore[misc]
    """The comms of one kernel. `on_widget` is called before a program's widget opens its comm."""

    def __init__(self, on_widget: Callable[[], None]) -> None:
        super().__init__()
        self._on_widget = on_widget

    def register_comm(self, opened: Any) -> Any:
        """Make a comm known; those that a client opened keep nothing open."""
        if opened.primary and opened.target_name == TARGET:
            self._on_widget()
        return super().register_comm(opened)
