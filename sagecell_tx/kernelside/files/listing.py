"""Sorts the files that a cell made into pictures to show and names to list.

Octave and R draw into files of these names (contract section 4). Files in the directory of a
Jmol scene are neither shown nor listed: only the scene uses them.
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
