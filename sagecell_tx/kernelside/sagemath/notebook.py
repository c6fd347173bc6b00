"""Our interacts for Sage's library of them, which otherwise shows widgets of ipywidgets."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from IPython.core.getipython import get_ipython

from sagecell_tx.kernelside.interact import NAMES

#: The module that Sage has for Jupyter notebooks; `sage.interacts.library` imports from it.
MODULE = "sage.repl.ipython_kernel.all_jupyter"

_CONTROLS = (
    *("checkbox", "color_selector", "input_box", "input_grid"),
    *("range_slider", "selector", "slider", "text_control"),
)


def install() -> None:
    """Put our functions in the place of that module. Call it before the library is imported."""
    module = ModuleType(MODULE, __doc__)
    module.__dict__.update({name: NAMES[name] for name in _CONTROLS}, interact=interact)
    sys.modules[MODULE] = module


def interact(f: Callable[..., Any] | None = None, /, **controls: Any) -> Any:
    """As ``interact`` in a notebook, where controls may be keyword arguments."""
    if f is None:
        return lambda function: interact(function, **controls)
    return get_ipython().toolbox.interacts.interact(f, controls)
