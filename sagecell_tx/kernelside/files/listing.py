"""Of the files that a cell made: which are listed, and which are pictures to be shown.

Octave and R draw into files of these names; whoever asked for a plot wants to see it
(contract section 4). What is in a scene's directory is for the scene alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_PICTURE = re.compile(r"Rplot[^/]*\.(bmp|jpeg|png|svg)|octave\.png")
_SCENE = re.compile(r"[^/]*\.jmol/.*", re.DOTALL)


def sort(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """The pictures and the names to list, in the order they came."""
    pictures, listed = [], []
    for name in names:
        if _PICTURE.fullmatch(name):
            pictures.append(name)
        elif not _SCENE.fullmatch(name):
            listed.append(name)
    return pictures, listed
