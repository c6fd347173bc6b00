"""three.js, which draws Sage's three-dimensional scenes, as it is installed beside Sage.

Sage's pages need one release of it, r122: later ones lack classes that they use. A file of Sage names
it, and the package jupyter-threejs-sage has it. This process reads files alone, and never imports Sage.
"""

from __future__ import annotations

import re
from pathlib import Path

#: Its address below ``/static/``, which is SageMathCell's (contract 4.15).
NAME = "threejs/three.min.js"

_VERSION = "lib/python3*/site-packages/sage/ext_data/threejs/threejs-version.txt"
_RELEASE = re.compile(r"r[0-9]{1,6}")


def find(python: Path) -> Path | None:
    """The library for the Sage of a Python interpreter; None if there is none.

    The interpreter's own path counts, not that which a link leads to: that of a virtual environment is
    a link to another.
    """
    prefix = python.parent.parent
    for named in sorted(prefix.glob(_VERSION)):
        try:
            release = named.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        library = prefix / "share/jupyter/nbextensions/threejs-sage" / release / "three.min.js"
        if _RELEASE.fullmatch(release) and library.is_file():
            return library
    return None
