"""Languages whose program is kept: later cells know what earlier ones have defined.

The program is started when it is first used, as a child of the kernel, in its directory and its
sandbox. It reads commands from a pipe: to run the program in a file, and to print a mark.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from itertools import cycle
from typing import IO, NoReturn

from attrs import define, field

from sagecell_tx.kernelside.languages.programs import LIMIT, LanguageError, NotInstalled
from sagecell_tx.kernelside.languages.reading import Ended, new_mark, read_until

#: How long a program may take to obey an interrupt before it is killed, in seconds. The kernel
#: itself is killed after two.
GRACE = 1.2

#: How long it may take until it is asked again whether it has, in seconds.
_AGAIN = 0.2


@define(repr=False, eq=False, kw_only=True)
class KeptLanguage:
    """A language: its title for people, and the program that runs it with its arguments.

    `running` is the command that runs the file ``{}``, whatever errors it has, and `marking` the one
    that prints the line ``{}{}``, whose two parts are apart in the command. `environment` is added to
    the kernel's own. With `echoes`, it shows each line of a program before it runs it.
    """

    title: str
    program: str
    arguments: tuple[str, ...]
    running: str
    marking: str
    environment: Mapping[str, str] = field(factory=dict)
    echoes: bool = False
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __repr__(self) -> str:
        return f"<{self.title}: eval(text) runs code>"

    @property
    def is_installed(self) -> bool:
        """Whether the program is on the PATH."""
        return shutil.which(self.program) is not None

    def __call__(self, *_: object) -> NoReturn:
        """Raise LanguageError: Sage's objects of these names make objects of values."""
        raise LanguageError(f"{self.title} only runs programs here: use eval(text).")

    def eval(self, text: str) -> str:
        """The output of a program, including errors.

        Raises NotInstalled; and LanguageError if the process has ended, as the program may ask for.
        An interrupt stops the program; its variables are kept, unless the process has to be killed.
        """
        with tempfile.NamedTemporaryFile(prefix="cell-") as file:
            file.write(f"{text}\n".encode(errors="replace"))
            file.flush()
            return self._run(text, file.name)

    def _run(self, text: str, path: str) -> str:
        start, end = new_mark(), new_mark()

        def said(printed: bytes) -> str:
            # What comes before the first mark answers to what was interrupted.
            own = printed.rpartition(_line(start))[2].partition(_line(end).rstrip())[0]
            # A place in the program is not one of a file.
            shown = own.decode("utf-8", "replace").replace(path, "cell")
            return (without_echo(text, shown) if self.echoes else shown).strip("\n")

        process = self._started()
        try:
            marks = [self.marking.format(*mark) for mark in (start, end)]
            _send(process, marks[0], self.running.format(path), marks[1])
            printed, is_whole = read_until(_output(process), _line(end))
        except KeyboardInterrupt:
            self._stop()
            raise KeyboardInterrupt from None
        except OSError as error:
            self.close()
            if last := said(error.printed if isinstance(error, Ended) else b""):
                print(last)
            raise LanguageError(
                f"{self.title} has ended; the next cell starts it again, without variables."
            ) from None
        if not is_whole:
            self._stop()
            more = f"[{self.title} printed more than {LIMIT} bytes and was stopped.]"
            return f"{said(printed[:LIMIT])}\n{more}"
        return said(printed)

    def _started(self) -> subprocess.Popen[bytes]:
        """The process, started if there is none. Raises NotInstalled, LanguageError."""
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        path = shutil.which(self.program)
        if path is None:
            raise NotInstalled(f"{self.title} is not installed on this server.")
        # After an interrupt in the middle of this, it finds the end of its input and ends.
        try:
            self._process = subprocess.Popen(
                [path, *self.arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                env={**os.environ, "TERM": "dumb", **self.environment},
                process_group=0,  # an interrupt reaches only the kernel, which then passes it on
            )
        except OSError as error:  # there is no further process, or no further descriptor
            reason = error.strerror or error
            raise LanguageError(f"{self.title} could not be started: {reason}.") from None
        return self._process

    def _stop(self) -> None:
        """Interrupt what the process computes, or kill it if it does not obey."""
        # Another interrupt has to wait, or the process would be left in the middle of an answer.
        unmasked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._interrupt()
        except OSError:
            self.close()
            print(
                f"{self.title} did not stop and was ended: its variables are lost.", file=sys.stderr
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, unmasked)

    def _interrupt(self) -> None:
        """Wait until the process answers again. Raises TimeoutError, OSError."""
        process = self._process
        if process is None:
            return
        deadline, mark = time.monotonic() + GRACE, new_mark()
        for is_to_interrupt in cycle((True, False)):
            if (now := time.monotonic()) >= deadline:
                raise TimeoutError
            # Both again: one that still waited for its command begins only after the first interrupt,
            # and what has been read before an interrupt may be dropped.
            if is_to_interrupt:
                os.killpg(process.pid, signal.SIGINT)
            _send(process, self.marking.format(*mark))
            with suppress(TimeoutError):
                is_whole = False
                while not is_whole:
                    _, is_whole = read_until(_output(process), _line(mark), now + _AGAIN)
                return

    def close(self) -> None:
        """Kill the program's process group, if there is one. The next use starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def without_echo(text: str, said: str) -> str:
    """What a program has printed, without its own lines among it, and without what it says of commands."""
    echoed, kept = text.split("\n"), []
    for line in said.split("\n"):
        if echoed and line == echoed[0]:
            del echoed[0]
        elif not line.startswith("stdio:"):
            kept.append(line)
    return "\n".join(kept)


def _line(mark: tuple[str, str]) -> bytes:
    """The line that a mark is printed as."""
    return f"{''.join(mark)}\n".encode()


def _send(process: subprocess.Popen[bytes], *commands: str) -> None:
    stdin: IO[bytes] | None = process.stdin
    assert stdin is not None
    stdin.write("".join(f"{command}\n" for command in commands).encode())


def _output(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    return process.stdout.fileno()
