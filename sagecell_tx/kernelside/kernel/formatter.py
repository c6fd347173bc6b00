"""A display formatter that calls only those formatters that can handle an object."""

from __future__ import annotations

import base64
from collections.abc import Container, Mapping
from typing import Any

from attrs import frozen
from IPython.core.formatters import BaseFormatter, DisplayFormatter, PlainTextFormatter

from sagecell_tx.kernelside.output import figures
from sagecell_tx.kernelside.userapi.shownfiles import DisplayFiles

#: The attributes of a formatter that decide whether it can handle an object.
_REGISTRIES = ("singleton_printers", "type_printers", "deferred_printers", "print_method")


@frozen
class _Knowledge:
    """Live views of the registries of one of IPython's formatters."""

    singletons: Container[int]
    types: Mapping[type, object]
    deferred: Mapping[tuple[str, str], object]
    method: str

    def lacks(self, value: object, ancestry: tuple[type, ...]) -> bool:
        """Whether the formatter certainly cannot handle `value`, whose MRO is `ancestry`."""
        if self.deferred or id(value) in self.singletons:
            return False
        if self.types and not self.types.keys().isdisjoint(ancestry):
            return False
        try:
            return getattr(value, self.method, None) is None
        except Exception:
            return True  # IPython, too, treats an attribute that raises as missing


class CellFormatter(DisplayFormatter):  # type: ignore[misc]
    """IPython's DisplayFormatter, faster and with the same results.

    IPython calls a dozen formatters for each object, and mostly only the one for plain text can
    handle it. The others took half of the time of a display. Where there are `shown_files`, a plot is
    also a file, for clients that show pictures by name alone.
    """

    shown_files: DisplayFiles | None = None

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._known: dict[object, _Knowledge | None] = {}

    def format(
        self, obj: Any, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """See `DisplayFormatter.format`: data and metadata of `obj` by MIME type."""
        try:
            ancestry = obj.__class__.__mro__
        except Exception:
            return super().format(obj, include, exclude)  # type: ignore[no-any-return]
        for whole in (self.ipython_display_formatter, self.mimebundle_formatter):
            if not self._is_silent(whole, obj, ancestry):
                return super().format(obj, include, exclude)  # type: ignore[no-any-return]
        data: dict[str, Any] = {}
        metadata: dict[str, Any] = {}
        for mime_type, formatter in self.formatters.items():
            if (include and mime_type not in include) or (exclude and mime_type in exclude):
                continue
            if self._is_silent(formatter, obj, ancestry):
                continue
            output = formatter(obj)
            extra = None
            if isinstance(output, tuple) and len(output) == 2:
                output, extra = output
            if output is not None:
                data[mime_type] = output
            if extra is not None:
                metadata[mime_type] = extra
        if alternative := figures.description(obj):
            for mime_type in data:
                if mime_type.startswith("image/"):
                    metadata[mime_type] = {"alt": alternative, **metadata.get(mime_type, {})}
            self._keep_picture(data)
        return data, metadata

    def _keep_picture(self, data: dict[str, Any]) -> None:
        """Add the name of a plot's file to its data."""
        picture = data.get("image/png")
        if self.shown_files is None or not isinstance(picture, str):
            return
        name = self.shown_files.keep({".png": base64.b64decode(picture)})
        if name is not None:
            data["text/image-filename"] = f"{name}.png"

    def _is_silent(self, formatter: Any, value: object, ancestry: tuple[type, ...]) -> bool:
        try:
            knowledge = self._known[formatter]
        except KeyError:
            knowledge = self._known[formatter] = self._study(formatter)
        return knowledge is not None and knowledge.lacks(value, ancestry)

    def _study(self, formatter: Any) -> _Knowledge | None:
        """The registries of a formatter; None for a custom one, and for plain text."""
        kind = type(formatter)
        if kind.__module__ != BaseFormatter.__module__ or kind is PlainTextFormatter:
            return None
        formatter.observe(lambda _: self._known.pop(formatter, None), names=_REGISTRIES)
        return _Knowledge(*(getattr(formatter, name) for name in _REGISTRIES))
