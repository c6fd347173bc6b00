"""matplotlib's plots: shown in the page, where they were made, and described in words."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from operator import attrgetter
from types import ModuleType
from typing import Any

PYPLOT = "matplotlib.pyplot"

#: The backend that shows plots in the page.
INLINE = "module://matplotlib_inline.backend_inline"

#: Others that show plots in a page; the rest draw into files, or into windows that nobody sees.
_IN_PAGES = frozenset({"inline", "ipympl", "nbagg", "notebook", "webagg", "widget"})

#: Characters of a plot's description, and axes that it describes.
_LONGEST = 500
_MOST_AXES = 10


def open_figures() -> frozenset[int]:
    """The numbers of matplotlib's open figures; empty while it is not imported."""
    pyplot = sys.modules.get(PYPLOT)
    return frozenset() if pyplot is None else frozenset(pyplot.get_fignums())


def show_others(known: Container[int]) -> None:
    """Show and close the open figures that are not in `known`, as at the end of a cell."""
    backend = sys.modules.get("matplotlib_inline.backend_inline")
    numbers = [number for number in open_figures() if number not in known]
    if backend is None or not numbers:
        return
    pyplot: Any = sys.modules[PYPLOT]
    for number in sorted(numbers):
        figure = pyplot.figure(number)
        backend.display(figure, metadata=backend._fetch_figure_metadata(figure))
        pyplot.close(number)


#: What keeps fonts, each of which has its file open: a module, and a function with a cache in it.
_FONTS = (
    ("matplotlib.font_manager", "_get_font"),
    ("matplotlib.mathtext", "MathTextParser._parse_cached"),
)


def forget_fonts() -> None:
    """Close the fonts' files, before the fork.

    A fork has none of its parent's descriptors. A font that is freed there closes its file's number
    all the same, and the number is that of another file by then.
    """
    for module, name in _FONTS:
        if module in sys.modules:
            with suppress(AttributeError):  # of another version of matplotlib
                attrgetter(name)(sys.modules[module]).cache_clear()


# --- the backend


def stay_inline(chosen: Callable[[], None]) -> None:
    """From now on, whichever backend a program asks for, pyplot shows its plots in the page.

    So `matplotlib.use("Agg")` has no effect but on what `matplotlib.get_backend` says. `chosen` is
    called whenever a backend was chosen, and is loaded.
    """
    if PYPLOT in sys.modules:
        _keep_inline(sys.modules[PYPLOT], chosen)
    else:
        sys.meta_path.insert(0, _PyplotFinder(chosen))


class _PyplotFinder(MetaPathFinder):
    """Finds pyplot once, as Python does, for `_keep_inline` after its import."""

    def __init__(self, chosen: Callable[[], None]) -> None:
        self._chosen = chosen

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != PYPLOT:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_keep(module: ModuleType) -> None:
                execute(module)
                _keep_inline(module, self._chosen)

            spec.loader.exec_module = execute_and_keep  # type: ignore[method-assign]
        return spec


def _keep_inline(pyplot: Any, chosen: Callable[[], None]) -> None:
    matplotlib: Any = sys.modules["matplotlib"]
    switch = pyplot.switch_backend

    def switch_backend(newbackend: Any) -> None:
        """Set the pyplot backend; this server has only those that show plots in a page."""
        name = str(matplotlib.rcsetup.validate_backend(newbackend)).lower()
        if name not in _IN_PAGES and not name.startswith("module://"):
            # matplotlib_inline looks here when it is imported.
            matplotlib.rcParams["backend"] = newbackend = INLINE
        switch(newbackend)
        chosen()

    pyplot.switch_backend = switch_backend


# --- descriptions


def description(value: object) -> str:
    """What a figure shows, by its titles and labels, for who cannot see it; empty for others."""
    module = sys.modules.get("matplotlib.figure")
    if module is None or not isinstance(value, module.Figure):
        return ""
    try:
        words = "; ".join(_words(value))
    except Exception:  # the program may have replaced any part of it
        words = ""
    return f"Plot: {words}"[:_LONGEST] if words else "Plot without a title"


def _words(figure: Any) -> Iterator[str]:
    if title := _text(figure.get_suptitle()):
        yield title
    for axes in figure.axes[:_MOST_AXES]:
        if title := _text(axes.get_title()):
            yield title
        for name in ("x", "y", "z"):
            label = getattr(axes, f"get_{name}label", None)
            if label is not None and (words := _text(label())):
                yield f"{name} axis: {words}"


def _text(words: object) -> str:
    return " ".join(str(words).split())
