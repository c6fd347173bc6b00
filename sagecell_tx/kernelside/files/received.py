"""Files that a client sends along with its program, as a request on shell::

    -> sagecell.write_files_request  {"names": ["data.csv", ...]}, with one buffer for each name
    <- sagecell.write_files_reply    {"status": "ok"}

They are in the kernel's directory when the reply is sent. They do not count as files that the
program made, unless it changes them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

WRITE_FILES = "sagecell.write_files_request"
_REPLY = "sagecell.write_files_reply"

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO must not wait.
_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FileRequests:
    """A kernel's handler of this request, by message type, as ipykernel calls it."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self.handlers: dict[str, Callable[[Any, Any, dict[str, Any]], None]] = {
            WRITE_FILES: self._handle
        }

    def _handle(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        reply: dict[str, Any] = {"status": "ok"}
        try:
            self._write(parent["content"].get("names"), parent["buffers"])
        except ValueError as error:
            reply = _failed("invalid_request", str(error))
        except OSError as error:
            reply = _failed("not_written", f"The files could not be written: {error.strerror}.")
        self._kernel.session.send(stream, _REPLY, reply, parent, ident=ident)

    def _write(self, names: Any, buffers: Sequence[Any]) -> None:
        """Write the files; raises ValueError for a malformed request, and OSError."""
        changed_files = self._kernel.changed_files
        if changed_files is None:
            raise ValueError("This kernel has no directory for files.")
        if not isinstance(names, list) or len(names) != len(buffers):
            raise ValueError("There must be a name for each buffer.")
        for name, data in zip(names, buffers, strict=True):
            write(changed_files.root, name, data)
        changed_files.remember()


def write(root: int, name: Any, data: bytes) -> None:
    """Write one file below the directory with the descriptor `root`, following no links.

    Its directories are made. Raises ValueError for a name that leads elsewhere, and OSError.
    """
    parts = name.split("/") if isinstance(name, str) else [""]
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise ValueError("A file's name must be a path within the directory.")
    at = os.dup(root)
    try:
        for part in parts[:-1]:
            with suppress(FileExistsError):
                os.mkdir(part, 0o755, dir_fd=at)
            inner = os.open(part, _DIRECTORY, dir_fd=at)
            os.close(at)
            at = inner
        with open(os.open(parts[-1], _FILE, 0o644, dir_fd=at), "wb") as file:
            file.write(data)
    finally:
        os.close(at)


def _failed(word: str, sentence: str) -> dict[str, Any]:
    return {"status": "error", "ename": word, "evalue": sentence, "traceback": []}
