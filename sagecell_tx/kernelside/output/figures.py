"""Plots that a program left open are shown in the block where they were made."""

from __future__ import annotations

import sys
from collections.abc import Container
from typing import Any


def open_figures() -> frozenset[int]:
    """The numbers of matplotlib's open figures; empty while it is not imported."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    return frozenset() if pyplot is None else frozenset(pyplot.get_fignums())


def show_others(known: Container[int]) -> None:
    """Show and close the open figures that are not in `known`, as at the end of a cell."""
    backend = sys.modules.get("matplotlib_inline.backend_inline")
    numbers = [number for number in open_figures() if number not in known]
    if backend is None or not numbers:
        return
    pyplot: Any = sys.modules["matplotlib.pyplot"]
    for number in sorted(numbers):
        figure = pyplot.figure(number)
        backend.display(figure, metadata=backend._fetch_figure_metadata(figure))
        pyplot.close(number)
