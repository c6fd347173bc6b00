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

#: Packages that flush for the sake of order only.
_FRAMEWORK = frozenset({"ipykernel", "sagecell_tx"})


class CellStream(io.TextIOBase):
    """Text that a cell writes becomes `stream` messages of the request that the cell is.

    Knows the request as ipykernel's own streams do: by context, else the latest one.
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
        """The header of the request that what is written now belongs to."""
        return self._parent.get(self.latest_parent)

    def set_parent(self, parent: dict[str, Any]) -> None:
        """What is written from now on belongs to the message `parent`."""
        self.latest_parent = extract_header(parent)
        self._parent.set(self.latest_parent)

    def set_thread_parent(self, parent: dict[str, Any]) -> Token[dict[str, Any]]:
        """What this thread writes from now on belongs to the message `parent`."""
        return self._parent.set(extract_header(parent))

    def reset_thread_parent(self, token: Token[dict[str, Any]]) -> None:
        """Take back `set_thread_parent`."""
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
        """What was written is shown, whatever becomes of the kernel; waits for a slow reader.

        ipykernel flushes before each display, error and reply, so that they come after what was
        printed. They do so anyway, and a reply must not wait for a reader.
        """
        caller = sys._getframe().f_back  # none, if a thread does nothing else
        name = "" if caller is None else str(caller.f_globals.get("__name__"))
        if name.partition(".")[0] in _FRAMEWORK:
            self._publisher.hasten()
        else:
            self._publisher.flush()

    def fileno(self) -> int:
        """The descriptor that subprocesses write to; it ends up in the same stream."""
        return self._descriptor

    def isatty(self) -> bool:
        """No terminal, though colours are welcome."""
        return False

    def writable(self) -> bool:
        """Yes."""
        return True

    def _write_below(self, text: str) -> None:
        """Where the publisher's thread is not, in a process that a cell forked, the pipe leads to it."""
        data = text.encode("utf-8", "surrogateescape")
        with suppress(OSError):
            while data:
                data = data[os.write(self._descriptor, data) :]
