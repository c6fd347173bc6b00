"""Captures output that bypasses Python, on the file descriptors of stdout and stderr."""

from __future__ import annotations

import codecs
import ctypes
import fcntl
import os
import select
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Protocol

#: Bytes that a pipe holds, where the system allows it: a subprocess can write so far ahead.
PIPE = 1024 * 1024
_READ = 64 * 1024

# PyDLL keeps the GIL: releasing it would wake the thread that waits for it, which takes ten
# times as long as the poll.
_poll = ctypes.PyDLL(None).poll
_poll.argtypes = [ctypes.c_void_p, ctypes.c_ulong, ctypes.c_int]


class CapturedStream(Protocol):
    """The kernel's stream for a file descriptor."""

    name: str
    latest_parent: dict[str, Any]

    def fileno(self) -> int:
        """The descriptor to capture."""


class Capture:
    """The text that is written to a stream's file descriptor directly.

    Replaces the file descriptor by a pipe.
    """

    def __init__(self, stream: CapturedStream) -> None:
        self.stream = stream.name
        self._owner = stream
        self.ended = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.descriptor, write_end = os.pipe()
        with suppress(OSError):  # the user's limit for pipes may be reached
            fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, PIPE)
        os.set_blocking(self.descriptor, False)
        os.dup2(write_end, stream.fileno())
        os.close(write_end)

    @property
    def parent(self) -> dict[str, Any]:
        """The header of the latest request, since the writer's request is unknown."""
        return self._owner.latest_parent

    def read(self) -> str:
        """Read what has been written, empty for nothing; an incomplete character is kept back.

        Sets `ended` at the end of the pipe.
        """
        try:
            data = os.read(self.descriptor, _READ)
        except BlockingIOError:
            return ""
        except OSError:  # a cell closed our descriptor
            data = b""
        self.ended = not data
        return self._decoder.decode(data)


class _OpenCapture(ctypes.Structure):
    """`struct pollfd` of poll(2)."""

    _fields_ = [("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short)]


class Captures:
    """The captures that have not ended, polled together."""

    def __init__(self, captures: Iterable[Capture] = ()) -> None:
        self._open = list(captures)
        self._watch()

    def __iter__(self) -> Iterator[Capture]:
        return iter(self._open)

    def waiting(self) -> bool:
        """Whether any has something to read, or has ended."""
        return bool(_poll(self._address, len(self._open), 0))

    def drop_ended(self) -> list[int]:
        """Remove the captures that have ended; returns their descriptors."""
        ended = [capture.descriptor for capture in self._open if capture.ended]
        if ended:
            self._open = [capture for capture in self._open if not capture.ended]
            self._watch()
        return ended

    def _watch(self) -> None:
        watched = [_OpenCapture(capture.descriptor, select.POLLIN) for capture in self._open]
        self._watched = (_OpenCapture * len(watched))(*watched)
        self._address = ctypes.addressof(self._watched)
