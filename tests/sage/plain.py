"""Plain Sage, without this server: runs programs in its own shell, to compare with.

``python -m tests.sage.plain``, with a Python that has Sage, reads requests from standard input and
writes an answer to each, as lines of JSON::

    -> {"run": ["x^2", "1/0"], "seconds": 60}
    <- {"answers": [[{"msg_type": "execute_result", "content": {...}}], ...]}

Each request runs in a fork, so that its cells know nothing of other requests'. Cells that were not
finished in time, or before the fork ended, have no answer. The messages are Jupyter's, without
those about the state.

It needs nothing but Sage and the standard library.
"""

from __future__ import annotations

import base64
import io
import json
import os
import select
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, NoReturn

Message = dict[str, Any]

#: Answers one request, part by part; runs in a fork.
Answering = Callable[[Message], Iterator[Any]]


class Stream(io.TextIOBase):
    """Standard output or error; writing to it makes a message."""

    def __init__(self, name: str, messages: list[Message]) -> None:
        self._name = name
        self._messages = messages

    def write(self, text: str) -> int:
        if text:
            content = {"name": self._name, "text": str(text)}
            self._messages.append({"msg_type": "stream", "content": content})
        return len(text)

    def writable(self) -> bool:
        return True


#: Libraries that start threads when they are loaded must not: forks have only one.
_ONE_THREAD = {"GC_MARKERS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class PlainSage:
    """Sage's shell for notebooks, without a kernel. Importing Sage takes some five seconds."""

    def __init__(self) -> None:
        os.environ |= _ONE_THREAD
        import sage.repl.ipython_kernel.all_jupyter  # noqa: F401
        from IPython.core.displayhook import DisplayHook
        from IPython.core.displaypub import DisplayPublisher
        from sage.repl.interpreter import SageNotebookInteractiveShell
        from sage.repl.ipython_extension import SageJupyterCustomizations
        from traitlets.config import Config

        messages: list[Message] = []

        class Publisher(DisplayPublisher):  # type: ignore[misc]
            """Makes messages of displays."""

            def publish(self, data: Message, metadata: Message | None = None, **_: Any) -> None:
                messages.append({"msg_type": "display_data", "content": {"data": data}})

        class Hook(DisplayHook):  # type: ignore[misc]
            """Makes messages of results."""

            def write_output_prompt(self) -> None:
                pass

            def write_format_data(self, data: Message, metadata: Any = None) -> None:
                if any(data.values()):
                    messages.append({"msg_type": "execute_result", "content": {"data": data}})

        class Shell(SageNotebookInteractiveShell):  # type: ignore[misc]
            """Makes messages of errors, too."""

            displayhook_class = Hook
            display_pub_class = Publisher

            def enable_gui(self, gui: str | None = None) -> None:
                """Matplotlib's inline pictures need no event loop."""

            def _showtraceback(self, kind: type, value: object, lines: list[str]) -> None:
                error = {"ename": kind.__name__, "evalue": str(value), "traceback": lines}
                messages.append({"msg_type": "error", "content": error})

        settings = Config()
        settings.HistoryManager.enabled = False
        settings.InteractiveShell.colors = "nocolor"
        self._messages = messages
        self._shell = Shell.instance(config=settings)
        SageJupyterCustomizations(self._shell)
        self._shell.enable_matplotlib("inline")
        self._shell.run_cell("from sage.repl.ipython_kernel.all_jupyter import *")

    def run(self, code: str) -> list[Message]:
        """The messages of one cell."""
        messages = self._messages
        messages.clear()
        with (
            redirect_stdout(Stream("stdout", messages)),
            redirect_stderr(Stream("stderr", messages)),
        ):
            self._shell.run_cell(code, store_history=True)
        return list(messages)

    def answer(self, request: Message) -> Iterator[list[Message]]:
        """The messages of each cell of a program."""
        for code in request["run"]:
            yield self.run(code)


def serve(answering: Answering) -> None:
    """Answer each request in a fork, until standard input ends."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):  # for programs, there is nothing to read and nowhere to print
        os.dup2(nowhere, standard)
    for line in requests:
        answers.write(json.dumps({"answers": _in_fork(answering, json.loads(line))}).encode())
        answers.write(b"\n")
        answers.flush()


def _in_fork(answering: Answering, request: Message) -> list[Any]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        ours, theirs = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(ours)
            _answer(answering, request, theirs, directory)
        os.close(theirs)
        received = _read(ours, time.monotonic() + request.get("seconds", 60))
        _end(pid)
    lines = received.splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def _answer(answering: Answering, request: Message, descriptor: int, directory: str) -> NoReturn:
    """What a fork does: it writes each answer as a line."""
    os.setpgid(0, 0)
    os.chdir(directory)
    with os.fdopen(descriptor, "wb") as pipe:
        for answer in answering(request):
            pipe.write(json.dumps(answer, default=_base64).encode() + b"\n")
            pipe.flush()
    os._exit(0)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _read(descriptor: int, deadline: float) -> bytes:
    """What arrives until the other end is closed, or the deadline."""
    pieces = []
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([descriptor], [], [], left)[0]:
            break
        piece = os.read(descriptor, 1 << 16)
        if not piece:
            break
        pieces.append(piece)
    os.close(descriptor)
    return b"".join(pieces)


def _end(pid: int) -> None:
    """Kill a fork with its children, and wait for it."""
    for kill, target in ((os.kill, pid), (os.killpg, pid)):
        try:
            kill(target, signal.SIGKILL)
        except ProcessLookupError:
            continue
    os.waitpid(pid, 0)


if __name__ == "__main__":
    serve(PlainSage().answer)
