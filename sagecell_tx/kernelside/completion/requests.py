"""Questions of people who share a kernel, as requests on shell::

    -> sagecell.complete_request {"code": ..., "cursor_pos": ...}
    <- sagecell.complete_reply   as complete_reply
    -> sagecell.inspect_request  {"code": ..., "cursor_pos": ..., "detail_level": 0}
    <- sagecell.inspect_reply    as inspect_reply

Each is answered in a process of its own, forked for it, that ends with the answer. Whatever the
question is, the kernel is as it was, and answers the others meanwhile. The process has a
deadline and little memory, reaches none of the kernel's sockets, can write to no file and start no
process. One that does not answer is answered for, with status `error`.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from attrs import define, field
from tornado.ioloop import IOLoop

from sagecell_tx.kernelside.completion import answers
from sagecell_tx.kernelside.system import processes

#: What is asked, and what it is answered with.
REPLIES = {
    "sagecell.complete_request": "sagecell.complete_reply",
    "sagecell.inspect_request": "sagecell.inspect_reply",
}

#: Questions that are answered at a time.
MOST = 16

#: How long one may take, in seconds.
DEADLINE = 2

#: Bytes that it may take beside what it shares with the kernel, and bytes of its answer.
MEMORY = 32 << 20
ANSWER = 192 * 1024

_PIECE = 64 * 1024


@define(eq=False)
class _AnswerProcess:
    """A process that works on a question. `reply` is called once, with the content of its reply."""

    pid: int
    told: int
    reply: Callable[[dict[str, Any]], None]
    loop: IOLoop = field(factory=IOLoop.current)
    _deadline: object = field(init=False)
    _heard: bytearray = field(factory=bytearray, init=False)

    def __attrs_post_init__(self) -> None:
        self.loop.add_handler(self.told, self._receive, IOLoop.READ)
        self._deadline = self.loop.call_later(DEADLINE, self._end, "It takes too long to answer.")

    def _receive(self, *_: object) -> None:
        piece = os.read(self.told, _PIECE)
        self._heard += piece
        if not piece:
            self._end("There is no answer to this.")
        elif len(self._heard) > ANSWER:
            self._end("The answer is too long.")

    def _end(self, excuse: str) -> None:
        self.loop.remove_timeout(self._deadline)
        self.loop.remove_handler(self.told)
        os.close(self.told)
        os.kill(self.pid, signal.SIGKILL)
        with suppress(ChildProcessError):  # a program may have waited for all of its children
            os.waitpid(self.pid, 0)
        content = None
        if len(self._heard) <= ANSWER:
            with suppress(ValueError, RecursionError):
                content = json.loads(self._heard)
        self.reply(content if isinstance(content, dict) else failed("no_answer", excuse))


class CompletionRequests:
    """The answers of a kernel. `handlers`: by the request's type, as ipykernel calls them."""

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
            send(failed("too_many_requests", "Too many questions are being answered."))
            return
        try:
            pid, told = _fork(lambda: self._answer(parent))
        except OSError as error:
            sentence = f"No process could be started to answer: {error.strerror}."
            send(failed("no_process", sentence))
            return
        self._working += 1
        _AnswerProcess(pid, told, answered)

    def _answer(self, parent: dict[str, Any]) -> dict[str, Any]:
        """The content of the reply; called in the process that ends with it."""
        content = parent["content"]
        code, place = content["code"], content["cursor_pos"]
        if parent["header"]["msg_type"] == "sagecell.complete_request":
            return answers.complete(self._kernel, code, place)
        return answers.explain(self._kernel, code, place, content.get("detail_level", 0))


def failed(word: str, sentence: str) -> dict[str, Any]:
    """The content of a reply that answers nothing."""
    return {"status": "error", "ename": word, "evalue": sentence, "traceback": []}


def _fork(answer: Callable[[], dict[str, Any]]) -> tuple[int, int]:
    """A process that writes an answer as JSON, and where to read it; raises OSError."""
    # The kernel's, which are the child's as well: Landlock may let a process read its own alone.
    parent, data = os.getpid(), _data()
    told, tell = os.pipe()
    try:
        with warnings.catch_warnings():
            # Of the threads that are not there in the child, it needs none.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
    except OSError:
        os.close(told)
        os.close(tell)
        raise
    if pid == 0:
        _be(answer, tell, parent, data)
    os.close(tell)
    return pid, told


def _be(answer: Callable[[], dict[str, Any]], tell: int, parent: int, data: int) -> None:
    """Answer, and end."""
    try:
        processes.die_with(parent)
        tell = _alone(tell)
        _confine(data)
        told = json.dumps(answer(), default=str).encode("ascii")
        while told:
            told = told[os.write(tell, told) :]
    finally:
        # Whatever it raised: the kernel sees that there is no answer.
        os._exit(0)


def _alone(tell: int) -> int:
    """Close all descriptors but this one, with nothing in place of the standard three; its new number."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.dup2(tell, 3, inheritable=False)
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))
    return 3


def _data() -> int:
    """Bytes of memory that `RLIMIT_DATA` bounds, as this process has them."""
    with open("/proc/self/statm", "rb", buffering=0) as statm:
        return int(statm.read().split()[5]) * resource.getpagesize()


def _confine(data: int) -> None:
    """Bound what the process may take: time, memory beside `data`, and nothing made outside of it."""
    for what, most in (
        # Only should the kernel not end it: of the two, the deadline has a sentence for the user.
        (resource.RLIMIT_CPU, DEADLINE + 1),
        (resource.RLIMIT_DATA, data + MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        highest = resource.getrlimit(what)[1]
        if highest != resource.RLIM_INFINITY:
            most = min(most, highest)
        resource.setrlimit(what, (most, most))
