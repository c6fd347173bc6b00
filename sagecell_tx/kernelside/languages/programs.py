"""Programs that run a text in a language of their own and print what comes of it.

Each text is run by a process of its own, from beginning to end: what one defines, the next
one does not know. The process is a child of the kernel, in its directory and its confinement.
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

#: Bytes of output that are read: at the end of its input, a program may ask and ask.
LIMIT = 1024 * 1024

_PIECE = 64 * 1024


class LanguageError(Exception):
    """No result. The text says all there is to say: where it was raised is of no interest."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows."""
        return [f"{type(self).__name__}: {self}"]


class NotInstalled(LanguageError):
    """The program is not there."""


class Crashed(LanguageError):
    """The program was ended by a signal; the text has what it had printed, too."""


@frozen(repr=False)
class Language:
    """A language: its name to people, the program that knows it, and what that is told.

    `before` is put before each text; `environment` is added to the kernel's own.
    """

    title: str
    program: str
    arguments: tuple[str, ...] = ()
    before: str = ""
    environment: Mapping[str, str] = field(factory=dict)

    def __repr__(self) -> str:
        return f"<{self.title}: eval(text) runs a text>"

    def eval(self, text: str) -> str:
        """What the program prints when it runs `text`, errors among it.

        Raises `NotInstalled`, `Crashed`. An interrupt ends the program.
        """
        path = shutil.which(self.program)
        if path is None:
            raise NotInstalled(f"{self.title} is not installed on this server.")
        # From a file, so that whoever does not read all of it keeps nobody waiting.
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
    """Exit status and output of a program, and whether that is all that it had to print."""
    # An interrupt waits until there is something that it can end.
    unmasked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with subprocess.Popen(
            command,
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            process_group=0,  # an interrupt is for the kernel, which then ends all of it
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
    """What is printed, up to the limit, and whether that is all; it has ended then."""
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
    """End the program and what it has started, if they have not ended."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
