"""Completion and inspection for people who share a kernel, as requests on shell::

    -> sagecell.complete_request {"code": ..., "cursor_pos": ..., "mode": ...}
    <- sagecell.complete_reply   as complete_reply
    -> sagecell.inspect_request  {"code": ..., "cursor_pos": ..., "mode": ..., "detail_level": 0}
    <- sagecell.inspect_reply    as inspect_reply

`mode` is the language, if it is one that the kernel's shell has a vocabulary of; otherwise the code is
Python or Sage.

Each request is answered in a forked process that ends with the reply, so no request changes the
kernel, which answers others meanwhile. The process has a deadline and little memory, has none of
the kernel's sockets, and can neither write to files nor start processes. If it gives no answer, the
kernel replies with status `error`.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from attrs import define, field
from tornado.ioloop import IOLoop

from sagecell_tx.kernelside.completion import answers
from sagecell_tx.kernelside.completion.vocabularies import Vocabulary
from sagecell_tx.kernelside.system import processes

#: The reply's message type for each request's.
REPLIES = {
    "sagecell.complete_request": "sagecell.complete_reply",
    "sagecell.inspect_request": "sagecell.inspect_reply",
}

#: The most requests that are answered at a time.
MOST = 16

#: Seconds that an answer may take.
DEADLINE = 2

#: The most bytes of memory beside those shared with the kernel, and of an answer.
MEMORY = 32 << 20
ANSWER = 192 * 1024

_PIECE = 64 * 1024


@define(eq=False)
class _AnswerProcess:
    """A process that answers a request.

    `reply` is called once, with the content of the reply; `pipe` is read and closed.
    """

    pid: int
    pipe: int
    reply: Callable[[dict[str, Any]], None]
    loop: IOLoop = field(factory=IOLoop.current)
    _deadline: object = field(init=False)
    _received: bytearray = field(factory=bytearray, init=False)

    def __attrs_post_init__(self) -> None:
        self.loop.add_handler(self.pipe, self._receive, IOLoop.READ)
        self._deadline = self.loop.call_later(DEADLINE, self._end, "The answer took too long.")

    def _receive(self, *_: object) -> None:
        piece = os.read(self.pipe, _PIECE)
        self._received += piece
        if not piece:
            self._end("The request could not be answered.")
        elif len(self._received) > ANSWER:
            self._end("The answer is too long.")

    def _end(self, reason: str) -> None:
        self.loop.remove_timeout(self._deadline)
        self.loop.remove_handler(self.pipe)
        os.close(self.pipe)
        os.kill(self.pid, signal.SIGKILL)
        with suppress(ChildProcessError):  # the visitor's program may have reaped all children
            os.waitpid(self.pid, 0)
        content = None
        if len(self._received) <= ANSWER:
            with suppress(ValueError, RecursionError):
                content = json.loads(self._received)
        self.reply(content if isinstance(content, dict) else failed("no_answer", reason))


class CompletionRequests:
    """A kernel's handlers of these requests, by message type, as ipykernel calls them."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._working = 0
        self.handlers: dict[str, Callable[[Any, Any, dict[str, Any]], None]] = dict.fromkeys(
            REPLIES, self._handle
        )

    def _handle(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        def send(content: dict[str, Any]) -> None:
            msg_type = REPLIES[parent["header"]["msg_type"]]
            self._kernel.session.send(stream, msg_type, content, parent, ident=ident)

        def answered(content: dict[str, Any]) -> None:
            self._working -= 1
            send(content)

        if self._working >= MOST:
            sentence = "Too many requests are being answered; try again later."
            send(failed("too_many_requests", sentence))
            return
        try:
            pid, pipe = _fork(lambda: self._answer(parent))
        except OSError as error:
            sentence = f"No process could be started to answer: {error.strerror}."
            send(failed("no_process", sentence))
            return
        self._working += 1
        _AnswerProcess(pid, pipe, answered)

    def _answer(self, parent: dict[str, Any]) -> dict[str, Any]:
        """The content of the reply; called in the forked process."""
        content = parent["content"]
        code, place = content["code"], content["cursor_pos"]
        is_completion = parent["header"]["msg_type"] == "sagecell.complete_request"
        vocabularies: Mapping[str, Vocabulary] = self._kernel.shell.vocabularies
        vocabulary = vocabularies.get(content.get("mode", ""))
        if vocabulary is not None:
            answer = vocabulary.complete if is_completion else vocabulary.explain
            return answer(code, place)
        if is_completion:
            return answers.complete(self._kernel, code, place)
        return answers.explain(self._kernel, code, place, content.get("detail_level", 0))


def failed(word: str, sentence: str) -> dict[str, Any]:
    """The content of an error reply."""
    return {"status": "error", "ename": word, "evalue": sentence, "traceback": []}


def _fork(answer: Callable[[], dict[str, Any]]) -> tuple[int, int]:
    """Fork a process that writes an answer as JSON to a pipe; raises OSError.

    Returns its process id and the descriptor to read.
    """
    # Measured before the fork: Landlock may hide the child's own /proc directory from it.
    parent, data = os.getpid(), _data()
    read_end, write_end = os.pipe()
    try:
        with warnings.catch_warnings():
            # The warning is about threads: the child has none of the kernel's, and needs none.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
    except OSError:
        os.close(read_end)
        os.close(write_end)
        raise
    if pid == 0:
        _run_child(answer, write_end, parent, data)
    os.close(write_end)
    return pid, read_end


def _run_child(
    answer: Callable[[], dict[str, Any]], write_end: int, parent: int, data: int
) -> None:
    """In the child: write the answer and exit."""
    try:
        processes.die_with(parent)
        write_end = _close_others(write_end)
        _confine(data)
        written = json.dumps(answer(), default=str).encode("ascii")
        while written:
            written = written[os.write(write_end, written) :]
    finally:
        # After any exception, too: then the kernel reads no answer.
        os._exit(0)


def _close_others(descriptor: int) -> int:
    """Close all descriptors but this one, and replace the standard three by /dev/null.

    Returns the descriptor's new number.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.dup2(descriptor, 3, inheritable=False)
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))
    return 3


def _data() -> int:
    """The bytes of this process that `RLIMIT_DATA` limits."""
    with open("/proc/self/statm", "rb", buffering=0) as statm:
        return int(statm.read().split()[5]) * resource.getpagesize()


def _confine(data: int) -> None:
    """Limit processor time, and memory beyond `data`; forbid file writes and new processes."""
    for what, most in (
        # Later than the deadline, which has a message; in case the kernel does not end it.
        (resource.RLIMIT_CPU, DEADLINE + 1),
        (resource.RLIMIT_DATA, data + MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        highest = resource.getrlimit(what)[1]
        if highest != resource.RLIM_INFINITY:
            most = min(most, highest)
        resource.setrlimit(what, (most, most))
