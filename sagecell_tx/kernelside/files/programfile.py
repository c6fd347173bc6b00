"""Writes the program of a cell to sagemathcell.py, beside the cell's files."""

from __future__ import annotations

import os
from contextlib import suppress

NAME = "sagemathcell.py"

# The directory is the visitor's: the name may belong to a link, or to a pipe that nobody reads.
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def remove(directory: int) -> None:
    """Remove that file again; OSError is ignored."""
    with suppress(OSError):
        os.unlink(NAME, dir_fd=directory)


def keep(code: str, directory: int) -> None:
    """Write a program to its file in the directory with this descriptor; OSError is ignored."""
    with suppress(OSError):
        descriptor = os.open(NAME, _WRITE, 0o644, dir_fd=directory)
        try:
            os.write(descriptor, code.encode("utf-8", "replace"))
        finally:
            os.close(descriptor)
