"""Three-dimensional scenes: pages that draw with three.js, each in a frame of the output.

Such a page is a file of the kernel, ``<name>.html``, with a still picture beside it, ``<name>.png``. Its
scripts come from the server: the three.js that Sage needs, and web/src/scene.ts, which turns the
scene by keyboard, and shows the picture where the browser cannot draw.
"""

from __future__ import annotations

import base64
import sys
from typing import Any

from sage.features.threejs import Threejs

from sagecell_tx.kernelside.userapi.shownfiles import DisplayFiles

#: The addresses are relative to that of the page, ``/kernel/<id>/files/<name>.html``.
SCRIPTS = """
<script src="../../../static/threejs/three.min.js"></script>
<script src="../../../static/scene.js"></script>
"""

#: Height of the frame in CSS pixels.
HEIGHT = 400

_FRAME = (
    '<iframe src="cell://{page}" title="3D scene" width="100%" height="{height}"'
    ' style="border: 0"></iframe>'
)

#: Width and height of the still picture, in units of 100 pixels.
_STILL_SIZE = [4, 4]


def bundle(page: str, scene: Any, shown_files: DisplayFiles) -> dict[str, str]:
    """Data by MIME type for a scene and its page; the still picture alone if there is no file."""
    still = _still(scene)
    pictures = {} if still is None else {".png": still}
    # A scene with the option `online` would load them from a host that the frame may not reach.
    page = page.replace(Threejs().cdn_scripts(), SCRIPTS)
    name = shown_files.keep({**pictures, ".html": page.encode("utf-8", "replace")})
    if name is None:
        print("This scene cannot be turned: there is no room for its file.", file=sys.stderr)
        return {} if still is None else {"image/png": base64.b64encode(still).decode("ascii")}
    frame = _FRAME.format(page=f"{name}.html", height=HEIGHT)
    if still is None:
        return {"text/html": frame}
    return {"text/html": frame, "text/image-filename": f"{name}.png"}


def _still(scene: Any) -> bytes | None:
    """A PNG picture of the scene by Tachyon; None if it cannot be drawn."""
    try:
        picture: bytes = scene._render_png_(figsize=_STILL_SIZE)
    except Exception:  # each kind of scene has its own
        return None
    return picture
