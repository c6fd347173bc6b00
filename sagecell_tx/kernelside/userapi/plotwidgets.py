"""ipympl in programs: figures of matplotlib as widgets, described in words and saved as files of the cell."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from typing import Any

from sagecell_tx.kernelside.output import figures
from sagecell_tx.kernelside.userapi.shownfiles import write_new

#: The module whose import makes ipympl the backend.
BACKEND = "ipympl.backend_nbagg"

#: Characters of a figure's name in that of its file, and files of the same figure.
_LONGEST = 60
_MOST = 100


def adopt(kernel: Any) -> None:
    """Change how ipympl's figures are displayed and saved, if a program has loaded it; once.

    ipympl sends a saved figure to the page as bytes. Widgets stand in a frame from which browsers save
    nothing, so the figure becomes a file of the cell, with a link in the output.
    """
    canvas: Any = getattr(sys.modules.get(BACKEND), "Canvas", None)
    if canvas is None or getattr(canvas, "_saves_files", False):
        return
    display = canvas._repr_mimebundle_

    def displayed(self: Any, **kwargs: Any) -> Any:
        if self.tooltip is None:
            self.tooltip = figures.description(self.figure)
        return display(self, **kwargs)

    canvas._saves_files = True
    canvas._repr_mimebundle_ = displayed
    canvas._send_save_buffer = lambda self: save(kernel, self)


def save(kernel: Any, canvas: Any) -> None:
    """Save the figure of a canvas as the program's settings of ``savefig`` say, and show a link to the file.

    A sentence on stderr says so if that is not possible.
    """
    from matplotlib import rcParams

    picture = io.BytesIO()
    canvas.figure.savefig(picture)
    try:
        name = _write(kernel, _title(canvas), rcParams["savefig.format"], picture.getvalue())
    except OSError as error:
        print(f"The figure could not be saved: {error.strerror}.", file=sys.stderr)
        return
    kernel.announce_files()
    kernel.shell.display_pub.publish({"application/x-file": name, "text/plain": name})


def _title(canvas: Any) -> str:
    """The title above the figure, also if no page has asked for it yet."""
    return str(canvas.manager.get_window_title() if canvas.manager else canvas._figure_label)


def _write(kernel: Any, title: str, ending: str, data: bytes) -> str:
    """Write a new file; returns its name. Raises OSError."""
    files = kernel.changed_files
    if files is None:
        raise OSError(0, "this kernel keeps no files")
    for name in _names(title, ending):
        try:
            written = write_new(name, data, files.root)
        except FileExistsError:
            continue
        # It is in the output, so it is not listed among the files of the next cell as well.
        kernel.shell.toolbox.api.sent_files[name] = written
        return name
    raise OSError(0, "there are too many files of this name")


def _names(title: str, ending: str) -> Iterator[str]:
    """Names for the file of a figure with this title, the most fitting first."""
    stem = re.sub(r"[^\w .()-]", "_", title)[:_LONGEST].strip(" .") or "Figure"
    end = re.sub(r"\W", "", ending)[:10]
    yield f"{stem}.{end}"
    for number in range(2, _MOST + 1):
        yield f"{stem} ({number}).{end}"
