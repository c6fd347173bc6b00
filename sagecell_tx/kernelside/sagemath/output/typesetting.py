"""Formulas that the page cannot typeset, which are shown in another way: never as LaTeX source."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import quote

from sage.misc.latex import Latex
from sage.repl.rich_output import pretty_print
from sage.typeset.unicode_art import unicode_art

#: A formula in HTML.
_FORMULA = re.compile(r"\\[(\[](.*?)\\[)\]]", re.DOTALL)

#: What KaTeX cannot set, of what Sage's objects have in their LaTeX: tableaux, drawings, linear
#: programs, and formulas with dollars around them.
_UNKNOWN = re.compile(
    r"""\\(?:cline|multicolumn|mspace|xymatrix|includegraphics)\b
    | \\begin\{(?:tikzpicture|tabular|picture)\}
    | ^(?:\\displaystyle\s)?(?:\\newcommand\{\\\w+\}(?:\[\d\])?\{[^$]*?\}\})?\$""",
    re.VERBOSE,
)


def adapt() -> None:
    """Write LaTeX without a warning that TeX lacks packages: the server has no TeX, and needs none."""
    Latex.check_file = _needs_no_file


def _needs_no_file(*_: Any) -> None:
    """Instead of `Latex.check_file`."""


def is_typeset(page: str) -> bool:
    """Whether all formulas in HTML can be typeset by the page that shows it."""
    return not any(_UNKNOWN.search(formula[1]) for formula in _FORMULA.finditer(page))


def instead(value: Any, *, concatenate: bool = False, **_: Any) -> str:
    """HTML for a value: its own picture, or its Unicode art.

    With `concatenate`, the value is a list of what stands side by side.
    """
    picture = None if concatenate else _picture(value)
    if picture is not None:
        words = html.escape(str(value), quote=True)
        source = f"data:image/svg+xml,{quote(picture)}"
        return f'<img alt="{words}" src="{source}" class="sagecell_image">'
    art = unicode_art(*value, sep=" ") if concatenate else unicode_art(value)
    return f"<pre>{html.escape(str(art))}</pre>"


def _picture(value: Any) -> str | None:
    """The SVG of a value that draws itself, such as a tableau; None for others."""
    draw = getattr(value, "_repr_svg_", None)
    if draw is None:
        return None
    try:
        drawing = draw()
    except Exception:  # those of some classes need programs that are not here
        return None
    return drawing if isinstance(drawing, str) else None


def view(objects: Any, *_: Any, **__: Any) -> None:
    """Show objects typeset, as `show` does. The options are those of a program that makes PDF."""
    pretty_print(objects)


#: What programs find defined, instead of Sage's own.
NAMES = {"view": view}
