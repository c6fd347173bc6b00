"""A program that Sage talks to in a pseudo-terminal, as the interpreter of a language's programs.

Sage's own `eval` is for single statements: a function of several lines makes Singular's hang, and
GAP's shows no value of a long program. Here a program is run from a file, with the value of each
statement. It runs in the process that Sage itself uses, so that its variables are those of later
cells and of Sage's objects `gap`, `gp`, `maxima` and `singular`.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar

import pexpect
from attrs import frozen

from sagecell_tx.kernelside.languages.programs import LIMIT, LanguageError
from sagecell_tx.kernelside.languages.reading import new_mark, read_until

#: How long a program may take to obey an interrupt before its process is killed, in seconds. The
#: kernel itself is killed after two.
GRACE = 1.2

#: How long it may take until it is asked again whether it has, in seconds.
_AGAIN = 0.3


@frozen
class Interpreter:
    """A program that Sage runs in a pseudo-terminal, as a language's interpreter.

    `name` is that of Sage's object for it, in the module `sage.interfaces.NAME`.
    """

    title: str
    name: str

    #: Prints a mark. The command has it in two parts, so that its echo is not the mark.
    marking: ClassVar[str]
    #: What it prints after the mark, when it waits for input again.
    prompt: ClassVar[bytes]

    @property
    def interface(self) -> Any:
        """Sage's object."""
        return getattr(importlib.import_module(f"sage.interfaces.{self.name}"), self.name)

    def run(self, text: str) -> None:
        """Run a program and print what it prints.

        Raises LanguageError, with what the interpreter says of an error. An interrupt stops the
        program; its variables are kept, unless the process has to be killed.
        """
        for part in self.parts(text):
            show(self._run(part))

    def parts(self, text: str) -> Sequence[str]:
        """What is run one after the other, each from a file."""
        return (text,)

    def command(self, path: str, mark: str) -> str:
        """The lines that run the program in a file, and may print a mark after it."""
        raise NotImplementedError

    def end(self, mark: str) -> bytes:
        """A pattern for what ends its output."""
        return mark.encode() + self.prompt

    def output(self, printed: str, path: str, mark: str) -> str:
        """What a program has printed, for people. Raises LanguageError; may print before."""
        raise NotImplementedError

    def adopt(self) -> None:
        """Stop what Sage itself runs in the process in the same way; its own may wait for ever.

        Call it before the process is started.
        """
        self.interface._keyboard_interrupt = self.stop
        self.interface.interrupt = self.stop

    def learn(self) -> None:
        """Ask for the names that are completed now, so that completion never starts the process."""
        names = self.interface._tab_completion()
        self.interface._tab_completion = lambda *_, **__: names
        self.end_process()
        self.interface._seed = None  # else all kernels would use the random numbers of this process

    def use_directory(self, path: str) -> None:
        """Start the process there."""
        self.interface._Expect__path = path

    def stop(self, *_: object, **__: object) -> None:
        """Interrupt what the process computes, or kill it if it does not obey."""
        process = self.interface._expect
        if process is None:
            return
        # Another interrupt has to wait, or the process would be left in the middle of an answer.
        unmasked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.setecho(False)
            process.kill(signal.SIGINT)
            self._settle(process)
            process.setecho(self.interface._terminal_echo)
            _forget_read(process)
        except (OSError, pexpect.ExceptionPexpect):
            self.end_process()
            print(
                f"{self.title} did not stop and was ended: its variables are lost.", file=sys.stderr
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, unmasked)

    def end_process(self) -> None:
        """Kill the process, and let Sage know. The next use starts another."""
        process = self.interface._expect
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # it leads a session, for its terminal
            with suppress(pexpect.ExceptionPexpect):
                process.wait()
        self.interface.quit()

    def _settle(self, process: Any) -> None:
        """Wait until the process answers. Raises TimeoutError, OSError."""
        deadline = time.monotonic() + GRACE
        mark = new_mark()
        answer = "".join(mark).encode() + self.prompt
        while (now := time.monotonic()) < deadline:
            # Again and again: an interpreter may drop what it has read before an interrupt.
            process.sendline(self.marking.format(*mark))
            with suppress(TimeoutError):
                _, is_whole = read_until(process.child_fd, answer, now + _AGAIN)
                if is_whole:
                    return
        raise TimeoutError

    def _run(self, part: str) -> str:
        process, mark = self._process(), new_mark()
        with tempfile.NamedTemporaryFile(prefix="cell-") as file:
            file.write(f"{part}\n".encode(errors="replace"))
            file.flush()
            try:
                _forget_read(process)
                process.setecho(False)  # else the command is somewhere in the output
                self.begin(process)
                process.sendline(self.command(file.name, self.marking.format(*mark)))
                printed, is_whole = read_until(process.child_fd, self.end("".join(mark)))
                process.setecho(self.interface._terminal_echo)
            except KeyboardInterrupt:
                self.stop()
                raise KeyboardInterrupt from None
            except (OSError, pexpect.ExceptionPexpect):
                self.end_process()
                raise LanguageError(
                    f"{self.title} has ended; the next cell starts it again, without variables."
                ) from None
            text = printed.decode("utf-8", "replace").replace("\r\n", "\n")
            if not is_whole:
                self.stop()
            said = self.output(text, file.name, "".join(mark))
            more = f"[{self.title} printed more than {LIMIT} bytes and was stopped.]"
            return said if is_whole else f"{said}\n{more}"

    def begin(self, process: Any) -> None:
        """Prepare the process for a program. Raises TimeoutError, OSError."""

    def _process(self) -> Any:
        """The process, started if there is none. Raises LanguageError."""
        present = self.interface._expect
        try:
            return self.interface.expect()
        except KeyboardInterrupt:
            if present is None:  # it is half started
                self.end_process()
            raise KeyboardInterrupt from None
        except OSError as error:  # there is no terminal, or no further process
            reason = error.strerror or error
            raise LanguageError(f"{self.title} could not be started: {reason}.") from None
        except (RuntimeError, pexpect.ExceptionPexpect):
            raise LanguageError(f"{self.title} could not be started.") from None


def show(printed: str) -> None:
    """Print what an interpreter has printed, without empty lines around it."""
    if printed := printed.strip("\n"):
        print(printed)


def _forget_read(process: Any) -> None:
    """Drop what pexpect has read and not given to anybody, such as the echo of what was stopped."""
    process.buffer = b""
    process._before = process.buffer_type()
