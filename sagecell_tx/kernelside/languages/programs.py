"""Other languages: an installed program runs a cell's code and prints the result.

Each run is a new process, so definitions of one run are unknown to the next. The process is a
child of the kernel, in its directory and its sandbox.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from typing import IO

from attrs import field, frozen

#: The most bytes of output: at the end of its input, a program may print prompts without end.
LIMIT = 1024 * 1024

_PIECE = 64 * 1024


class LanguageError(Exception):
    """A run has no result. IPython shows only the message, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        """The lines that IPython shows."""
        return [f"{type(self).__name__}: {self}"]


class NotInstalled(LanguageError):
    """The program is not on the kernel's PATH."""


class Crashed(LanguageError):
    """The program was ended by a signal; the message includes its output."""


@frozen(repr=False)
class Language:
    """A language: its title for people, and the program that runs it with its arguments.

    `before` is put before each program text; `environment` is added to the kernel's own.
    """

    title: str
    program: str
    arguments: tuple[str, ...] = ()
    before: str = ""
    environment: Mapping[str, str] = field(factory=dict)

    def __repr__(self) -> str:
        return f"<{self.title}: eval(text) runs code>"

    @property
    def is_installed(self) -> bool:
        """Whether the program is on the PATH."""
        return shutil.which(self.program) is not None

    def eval(self, text: str) -> str:
        """The output of the program when it runs `text`, including errors.

        Raises `NotInstalled`, `Crashed`. An interrupt ends the program.
        """
        path = shutil.which(self.program)
        if path is None:
            raise NotInstalled(f"{self.title} is not installed on this server.")
        # From a file: a pipe would block the kernel if the program did not read all of it.
        with tempfile.TemporaryFile() as source:
            source.write(f"{self.before}{text}\n".encode())
            source.seek(0)
            returncode, printed, whole = _run(
                [path, *self.arguments], source, {"TERM": "dumb", **self.environment}
            )
        said = printed.decode("utf-8", "replace").strip("\n")
        if not whole:
            return f"{said}\n[{self.title} printed more than {LIMIT} bytes and was ended.]"
        if returncode < 0:
            name = signal.Signals(-returncode).name
            raise Crashed(f"{self.title} was ended by {name}.\n{said}".rstrip("\n"))
        return said


def _run(
    command: list[str], source: IO[bytes], environment: dict[str, str]
) -> tuple[int, bytes, bool]:
    """Run a program; returns its exit status, its output, and whether that is all of the output."""
    # Keep an interrupt pending until the process exists, so that it can be ended.
    unmasked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with subprocess.Popen(
            command,
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            process_group=0,  # an interrupt reaches only the kernel, which then ends the group
        ) as process:
            try:
                signal.pthread_sigmask(signal.SIG_SETMASK, unmasked)
                printed, whole = _read(process)
            finally:
                _end(process)
        return process.returncode, printed, whole
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, unmasked)


def _read(process: subprocess.Popen[bytes]) -> tuple[bytes, bool]:
    """The output up to the limit, and whether that is all; if so, the process has ended."""
    assert process.stdout is not None
    pieces: list[bytes] = []
    size = 0
    while size <= LIMIT:
        piece = os.read(process.stdout.fileno(), _PIECE)
        if not piece:
            process.wait()
            return b"".join(pieces), True
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)[:LIMIT], False


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the program's process group, if it has not ended."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
