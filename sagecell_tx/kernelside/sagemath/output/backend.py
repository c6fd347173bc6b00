"""Sage's rich output as display messages of the kernel."""

from __future__ import annotations

import base64
from typing import Any

from sage.repl.display.formatter import SageDisplayFormatter
from sage.repl.rich_output import get_display_manager
from sage.repl.rich_output.backend_ipython import BackendIPython
from sage.repl.rich_output.output_catalog import (
    OutputAsciiArt,
    OutputHtml,
    OutputImageGif,
    OutputImageJpg,
    OutputImagePdf,
    OutputImagePng,
    OutputImageSvg,
    OutputLatex,
    OutputPlainText,
    OutputSceneThreejs,
    OutputUnicodeArt,
)

from sagecell_tx.kernelside.kernel.formatter import CellFormatter
from sagecell_tx.kernelside.sagemath.output import animations, graphs, scenes, typesetting
from sagecell_tx.kernelside.userapi.shownfiles import DisplayFiles, ShownFiles

#: A display's data by MIME type. The page shows the first that it knows.
Bundle = dict[str, str]

#: Pictures: the attribute that has their bytes, MIME type and ending.
_PICTURES = {
    OutputImagePng: ("png", "image/png", ".png"),
    OutputImageGif: ("gif", "image/gif", ".gif"),
    OutputImageJpg: ("jpg", "image/jpeg", ".jpg"),
}


def install(shell: Any) -> None:
    """Show the values of `shell` by Sage's rich output. Called once, before any cell."""
    backend = CellBackend(ShownFiles(kernel=shell.kernel))
    get_display_manager().switch_backend(backend, shell=shell)
    animations.adapt()
    graphs.adapt()
    typesetting.adapt()


class SageFormatter(SageDisplayFormatter, CellFormatter):  # type: ignore[misc]
    """Sage's formatter for Sage's values, and ours for all others."""


class CellBackend(BackendIPython):  # type: ignore[misc]
    """The outputs that the page can show: no videos, and none that need Java or TeX."""

    def __init__(self, shown_files: DisplayFiles) -> None:
        super().__init__()
        self._shown_files = shown_files
        self._shown: Any = None  # the value that is being displayed

    def _repr_(self) -> str:
        return "sagecell-tx"

    def install(self, **options: Any) -> None:
        """Replace the formatter of the option `shell`. Called by Sage."""
        shell = options["shell"]
        shell.configurables.remove(shell.display_formatter)
        shell.display_formatter = SageFormatter(parent=shell)
        shell.display_formatter.shown_files = self._shown_files
        shell.configurables.append(shell.display_formatter)

    def supported_output(self) -> set[type]:
        """The classes of output that `displayhook` accepts."""
        return {
            *(OutputPlainText, OutputAsciiArt, OutputUnicodeArt, OutputLatex, OutputHtml),
            *(*_PICTURES, OutputImageSvg, OutputImagePdf, OutputSceneThreejs),
        }

    def threejs_offline_scripts(self) -> str:
        """The scripts of a scene's page."""
        return scenes.SCRIPTS

    def plain_text_formatter(self, obj: Any, **options: Any) -> OutputPlainText:
        """The text of a value. Sage asks for it before each display that is not text."""
        self._shown = obj
        return super().plain_text_formatter(obj, **options)

    def latex_formatter(self, obj: Any, **options: Any) -> OutputHtml:
        """A value's formula; what the page cannot typeset is replaced by a picture or by text."""
        formula = super().latex_formatter(obj, **options)
        if typesetting.is_typeset(formula.html.get_str()):
            return formula
        return OutputHtml(typesetting.instead(obj, **options))

    def displayhook(
        self, plain_text: OutputPlainText, rich_output: Any
    ) -> tuple[Bundle, dict[str, Any]]:
        """Data and metadata of a display."""
        shown, self._shown = self._shown, None
        plain = {"text/plain": plain_text.text.get_str()}
        match rich_output:
            case OutputAsciiArt():
                data = {"text/plain": rich_output.ascii_art.get_str()}
            case OutputUnicodeArt():
                data = {"text/plain": rich_output.unicode_art.get_str()}
            case OutputLatex():
                data = {"text/latex": rich_output.latex.get_str(), **plain}
            case OutputHtml() if typesetting.is_typeset(rich_output.html.get_str()):
                data = {"text/html": rich_output.html.get_str(), **plain}
                if rich_output.latex:
                    data["text/latex"] = rich_output.latex.get_str()
            case OutputImageSvg():
                svg = rich_output.svg.get()
                data = {"image/svg+xml": svg.decode(), **self._named(svg, ".svg"), **plain}
            case OutputImagePdf():
                data = {**self._file(rich_output.pdf.get(), ".pdf"), **plain}
            case OutputSceneThreejs():
                page = rich_output.html.get_str()
                data = {**scenes.bundle(page, shown, self._shown_files), **plain}
            case _ if type(rich_output) in _PICTURES:
                data = {**self._picture(rich_output), **plain}
            case _:
                data = plain
        return data, {}

    def _picture(self, output: Any) -> Bundle:
        attribute, mime_type, ending = _PICTURES[type(output)]
        picture = getattr(output, attribute).get()
        encoded = base64.b64encode(picture).decode("ascii")
        return {mime_type: encoded, **self._named(picture, ending)}

    def _named(self, picture: bytes, ending: str) -> Bundle:
        """The name of a picture's file; nothing if it cannot be written."""
        name = self._shown_files.keep({ending: picture})
        return {} if name is None else {"text/image-filename": f"{name}{ending}"}

    def _file(self, content: bytes, ending: str) -> Bundle:
        """A link to a file; nothing if it cannot be written."""
        name = self._shown_files.keep({ending: content})
        return {} if name is None else {"application/x-file": f"{name}{ending}"}
