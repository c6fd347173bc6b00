"""sys.stdout and sys.stderr of a kernel, and the file descriptors beneath them."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from contextvars import ContextVar, Token
from typing import Any

from jupyter_client.session import extract_header

from sagecell_tx.kernelside.output.publisher import Publisher

#: Packages that flush only to keep output in order.
_FRAMEWORK = frozenset({"ipykernel", "sagecell_tx"})


class CellStream(io.TextIOBase):
    """Publishes the text that a cell writes as `stream` messages of the cell's request.

    Finds the request as ipykernel's own streams do: by context, else the latest one.
    """

    encoding = "UTF-8"
    errors = "surrogateescape"

    def __init__(self, name: str, descriptor: int, publisher: Publisher) -> None:
        self.name = name
        self._descriptor = descriptor
        self._publisher = publisher
        self._parent: ContextVar[dict[str, Any]] = ContextVar(f"parent of {name}")
        self.latest_parent: dict[str, Any] = {}

    # --- the request

    @property
    def parent_header(self) -> dict[str, Any]:
        """The header of the request to which text written now belongs."""
        return self._parent.get(self.latest_parent)

    def set_parent(self, parent: dict[str, Any]) -> None:
        """Make text that is written from now on belong to the message `parent`."""
        self.latest_parent = extract_header(parent)
        self._parent.set(self.latest_parent)

    def set_thread_parent(self, parent: dict[str, Any]) -> Token[dict[str, Any]]:
        """Make text that this thread writes from now on belong to the message `parent`."""
        return self._parent.set(extract_header(parent))

    def reset_thread_parent(self, token: Token[dict[str, Any]]) -> None:
        """Undo `set_thread_parent`."""
        self._parent.reset(token)

    # --- the file

    def write(self, text: str) -> int:
        """Publish `text`; waits while the reader is far behind."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self._publisher.forked:
            self._write_below(text)
        else:
            self._publisher.write(self.name, text, self.parent_header)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:  # type: ignore[override]
        """Publish each of `lines`."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Send what was written, so that it survives the kernel; waits for a slow reader.

        ipykernel flushes before each display, error and reply, so that they come after what was
        printed. The queue ensures that, so these flushes do not wait.
        """
        caller = sys._getframe().f_back  # None if flush is all that a thread runs
        name = "" if caller is None else str(caller.f_globals.get("__name__"))
        if name.partition(".")[0] in _FRAMEWORK:
            self._publisher.hasten()
        else:
            self._publisher.flush()

    def fileno(self) -> int:
        """The descriptor that subprocesses write to; it ends up in the same stream."""
        return self._descriptor

    def isatty(self) -> bool:
        """False: it is not a terminal."""
        return False

    def writable(self) -> bool:
        """True."""
        return True

    def _write_below(self, text: str) -> None:
        """Write to the captured descriptor: a process forked by a cell has no publisher thread."""
        data = text.encode("utf-8", "surrogateescape")
        with suppress(OSError):
            while data:
                data = data[os.write(self._descriptor, data) :]
