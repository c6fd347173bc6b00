"""What is written beneath Python, to the file descriptors of stdout and stderr."""

from __future__ import annotations

import codecs
import ctypes
import fcntl
import os
import select
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Protocol

#: Bytes that a subprocess can write ahead of us, where the system allows it.
PIPE = 1024 * 1024
_READ = 64 * 1024

# With Python's lock held: to let go of it wakes the thread that waits for it, which takes
# ten times as long as the look.
_poll = ctypes.PyDLL(None).poll
_poll.argtypes = [ctypes.c_void_p, ctypes.c_ulong, ctypes.c_int]


class CapturedStream(Protocol):
    """The stream of the kernel that lies above a descriptor."""

    name: str
    latest_parent: dict[str, Any]

    def fileno(self) -> int:
        """The descriptor."""


class Capture:
    """What is written to a file descriptor beneath Python, as text of a stream.

    Puts a pipe in the place of the descriptor.
    """

    def __init__(self, stream: CapturedStream) -> None:
        self.stream = stream.name
        self._owner = stream
        self.ended = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.descriptor, write_end = os.pipe()
        with suppress(OSError):  # a user may have too much in pipes already
            fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, PIPE)
        os.set_blocking(self.descriptor, False)
        os.dup2(write_end, stream.fileno())
        os.close(write_end)

    @property
    def parent(self) -> dict[str, Any]:
        """The latest request: who wrote is not to be known."""
        return self._owner.latest_parent

    def read(self) -> str:
        """What has been written; empty for nothing, and half a character waits for the rest."""
        try:
            data = os.read(self.descriptor, _READ)
        except BlockingIOError:
            return ""
        except OSError:  # a cell closed what is not its own
            data = b""
        self.ended = not data
        return self._decoder.decode(data)


class _OpenCapture(ctypes.Structure):
    """A descriptor as poll(2) takes it."""

    _fields_ = [("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short)]


class Captures:
    """Those that have not ended, looked at together."""

    def __init__(self, captures: Iterable[Capture] = ()) -> None:
        self._open = list(captures)
        self._watch()

    def __iter__(self) -> Iterator[Capture]:
        return iter(self._open)

    def waiting(self) -> bool:
        """Whether any has something to read, or has ended."""
        return bool(_poll(self._address, len(self._open), 0))

    def drop_ended(self) -> list[int]:
        """The descriptors of those that have ended, which are let go."""
        ended = [capture.descriptor for capture in self._open if capture.ended]
        if ended:
            self._open = [capture for capture in self._open if not capture.ended]
            self._watch()
        return ended

    def _watch(self) -> None:
        watched = [_OpenCapture(capture.descriptor, select.POLLIN) for capture in self._open]
        self._watched = (_OpenCapture * len(watched))(*watched)
        self._address = ctypes.addressof(self._watched)
