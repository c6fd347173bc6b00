"""The language of a program, by the name of its file."""

from __future__ import annotations

from pathlib import PurePath

#: By the ends of names, in lower case.
BY_SUFFIX = {
    ".g": "gap",
    ".gap": "gap",
    ".gp": "gp",
    ".html": "html",
    ".m": "octave",
    ".m2": "macaulay2",
    ".mac": "maxima",
    ".py": "python",
    ".r": "r",
    ".sage": "sage",
    ".sing": "singular",
}


def language_of(name: str) -> str:
    """The language of a file's program; "" if its name does not say."""
    return BY_SUFFIX.get(PurePath(name).suffix.lower(), "")
