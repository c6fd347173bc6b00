"""An IPython kernel that is built before the fork and gets its sockets after it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import comm
import zmq
from attrs import frozen
from ipykernel.ipkernel import IPythonKernel
from tornado.ioloop import IOLoop
from traitlets import Any as AnyTrait
from traitlets import Type
from traitlets.config import Config

from sagecell_tx.kernelside.completion.requests import CompletionRequests
from sagecell_tx.kernelside.files import listing, programfile
from sagecell_tx.kernelside.files.received import FileRequests
from sagecell_tx.kernelside.files.upload import ChangedFiles
from sagecell_tx.kernelside.kernel.interrupts import Interrupts, Sigint
from sagecell_tx.kernelside.kernel.serializer import CellSerializer
from sagecell_tx.kernelside.kernel.shell import CellShell
from sagecell_tx.kernelside.output import figures
from sagecell_tx.kernelside.output.publisher import LINGER, Publisher
from sagecell_tx.kernelside.output.streams import CellStream
from sagecell_tx.kernelside.startcommand import KernelLimits
from sagecell_tx.kernelside.system import background
from sagecell_tx.kernelside.userapi import plotwidgets
from sagecell_tx.kernelside.userapi.questions import Unanswerable
from sagecell_tx.kernelside.userapi.requests import RUNNING, InteractRequests
from sagecell_tx.kernelside.userapi.shownfiles import ShownFiles
from sagecell_tx.kernelside.userapi.widgets import WidgetComms, register_preloaded

#: The errors in the reply of a program that was stopped.
_STOPPED = frozenset({"KeyboardInterrupt", "CancelledError"})

#: How long a shutdown waits for a running cell, in seconds.
_GRACE = 0.3


class _NoSubshells:
    """Stands in for ipykernel's thread of subshells: false, with the main thread as parent."""

    parent_thread = threading.main_thread()

    def __bool__(self) -> bool:
        return False


class CellKernel(IPythonKernel):  # type: ignore[misc]
    """The IPython kernel of one session.

    `names` returns what programs find defined beside the toolbox; `sigint` has the handlers that
    interrupt them.
    """

    shell_class = Type(CellShell)
    # ipykernel's own hashes each cell in Python for the debugger, which is off.
    compiler_class = Type(CellShell.cell_compiler)
    changed_files = AnyTrait()

    # ipykernel's own sleeps before each reply, for streams that are slow to flush.
    _execute_sleep = 0.0

    # They cost each kernel a thread and three sockets, and no client here uses them.
    _supports_kernel_subshells = False

    def __init__(
        self, *, names: Callable[[], Mapping[str, object]], sigint: Sigint, **traits: Any
    ) -> None:
        self.names = names
        self.interrupts = Interrupts(sigint)
        self._listed: list[str] = []
        self._unlisted: set[str] = set()  # files that the program's `sent_files` has already
        #: How long a cell waits for what its program has left running, if its request asks for it.
        self.background_seconds = 0.0
        self._answering = 0  # requests; more than one if a comm's message came during a cell
        self._awaiting: asyncio.Future[Any] | None = None  # the cell that is running, if it awaits
        comms = WidgetComms(self._stay_for_widget)
        # Where ipykernel and ipywidgets look for it; ipykernel's own is made in the same way.
        comm.get_comm_manager = lambda: comms
        super().__init__(shell_channel_thread=_NoSubshells(), **traits)
        self.shell_handlers.update(InteractRequests(self).handlers)
        self.shell_handlers.update(CompletionRequests(self).handlers)
        self.shell_handlers.update(FileRequests(self).handlers)

    def _stay_for_widget(self) -> None:
        """Keep the session open for a widget, unless its program has said for how long."""
        blocks = self.shell.toolbox.blocks
        if not blocks.kept:
            blocks.stay()

    # --- requests

    def pre_handler_hook(self) -> None:
        """Hold interrupts for a request that runs code. Called before each request."""
        if self.get_parent("shell")["header"]["msg_type"] in RUNNING:
            self.interrupts.hold()
        else:
            super().pre_handler_hook()

    def post_handler_hook(self) -> None:
        """Ignore interrupts between requests. Called after each request."""
        self.interrupts.ignore()
        self.shell.toolbox.rest()

    async def dispatch_shell(self, *args: Any, **kwargs: Any) -> None:
        """Answer one request; stop the loop if its code called `exit`."""
        # The output of the request before must not be lost if this one crashes the process.
        self.iopub_socket.flush(LINGER)
        self._answering += 1
        try:
            await super().dispatch_shell(*args, **kwargs)
        except (SystemExit, KeyboardInterrupt):
            # Raised by a program's handler of a request that runs no cell. ipykernel lets it through.
            if not kwargs.get("concurrent"):
                self._publish_status_and_flush("idle", "shell", self.shell_stream)
        finally:
            self._answering -= 1
        if self.shell.exit_now:
            self.io_loop.stop()

    def left_by(self, error: BaseException) -> bool:
        """A task of a program has raised an exit; returns whether the kernel is to end.

        As in Python, it ends the program that is running, even one that does not await the task.
        After the program's end it ends only the task; if the task called `exit`, the kernel ends as
        well, unless it has still to reply.
        """
        if self._awaiting is not None:
            self.shell.left_by = error
            self._awaiting.cancel()
        return bool(self.shell.exit_now) and not self._answering

    @contextmanager
    def _cancel_on_sigint(self, future: asyncio.Future[Any]) -> Iterator[None]:
        """Cancel `future`, which runs a cell, on an interrupt and on an exit of a task."""
        self._awaiting = future
        try:
            with super()._cancel_on_sigint(future):
                yield
        finally:
            self._awaiting = None

    async def do_execute(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Run a cell; publish its changed files before the reply, which lists them."""
        if self.changed_files is not None:
            programfile.keep(kwargs["code"], self.changed_files.root)
        reply: dict[str, Any] = await super().do_execute(*args, **kwargs)
        if self._waits_for_background() and reply.get("ename") not in _STOPPED:
            await self._wait_for_background(reply)
        if sentence := self.shell.excuse(self.get_parent("shell")["metadata"], reply):
            print(sentence, file=sys.stderr)
        reply["payload"][:0] = self.files_payload()
        return reply

    def raw_input(self, prompt: object = "") -> str:
        """The client's answer to ``input()``; raises `Unanswerable` if it takes no questions."""
        if not self._allow_stdin:
            raise Unanswerable("input")
        answer: str = super().raw_input(prompt)
        return answer

    def getpass(self, *args: Any, **kwargs: Any) -> str:
        """The client's answer to ``getpass()``; raises `Unanswerable` if it takes no questions."""
        if not self._allow_stdin:
            raise Unanswerable("getpass")
        answer: str = super().getpass(*args, **kwargs)
        return answer

    def _waits_for_background(self) -> bool:
        """Whether the request asks to wait, and the kernel is expected to end after it."""
        wishes = self.get_parent("shell")["metadata"].get("sagecell")
        asked = isinstance(wishes, dict) and wishes.get("wait") is True
        return asked and self.background_seconds > 0 and not self.shell.toolbox.blocks.kept

    async def _wait_for_background(self, reply: dict[str, Any]) -> None:
        """Wait for what the program has left running; an interrupt ends that and fails `reply`."""
        seconds, interrupted = self.background_seconds, False

        def stopped() -> bool:
            nonlocal interrupted
            interrupted = interrupted or self.interrupts.take()
            return interrupted

        try:
            finished = await background.finished(seconds, stopped)
        except (Exception, asyncio.CancelledError, SystemExit) as error:
            # A visitor's program may have changed Python itself, or cancelled all tasks.
            print(f"The program's threads were not waited for: {error!r:.200}", file=sys.stderr)
            return
        if interrupted:
            reply.update(status="error", ename="KeyboardInterrupt", evalue="", traceback=[])
        elif not finished:
            print(
                f"Threads or processes of the program still run {seconds:g} seconds after its end. "
                "They are not waited for any longer.",
                file=sys.stderr,
            )

    def files_payload(self) -> list[dict[str, Any]]:
        """Publish the changed files; returns the payload that lists those since the last reply."""
        self.announce_files()
        names, self._listed = list(dict.fromkeys(self._listed)), []
        return [{"source": "sagecell", "new_files": names}] if names else []

    def announce_files(self) -> list[str]:
        """Publish the files that changed, and show the pictures; returns the names to list."""
        if self.changed_files is None:
            return []
        self._unlisted.clear()
        changed = self.interrupts.run(self.changed_files.publish_changed, list)
        pictures, listed = listing.sort(name for name in changed if name not in self._unlisted)
        for name in pictures:
            # A unique query: browsers cache a picture by its URL.
            shown = {"text/image-filename": f"{name}?m={time.time_ns()}", "text/plain": name}
            self.shell.display_pub.publish(shown)
        self._listed += listed
        return listed

    def watch_files(self, root: int, limits: KernelLimits) -> None:
        """From now on, publish files that cells make or change in `root`, a descriptor."""
        self.changed_files = ChangedFiles(
            root=root,
            limits=limits,
            publish=self._publish_file,
            complain=lambda sentence: print(sentence, file=sys.stderr),
        )
        self.changed_files.remember()

    def make_picture_files(self) -> None:
        """From now on, plots are files as well, whose names are in their messages."""
        if self.shell.display_formatter.shown_files is None:  # Sage has some already
            self.shell.display_formatter.shown_files = ShownFiles(kernel=self)

    def _publish_file(self, content: dict[str, Any], data: bytes) -> None:
        self.session.send(
            self.iopub_socket,
            "sagecell_file",
            content,
            parent=self.get_parent("shell"),
            ident=self._topic("sagecell_file"),
            buffers=[data],
        )
        if content["last"] and self.shell.toolbox.api.note_sent(content["name"], content["mtime"]):
            self._unlisted.add(content["name"])

    async def shutdown_request(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Reply and stop; a cell that still runs after `_GRACE` is cut off with the process."""
        content = {"status": "ok", "restart": bool(parent["content"].get("restart"))}
        self.session.send(stream, "shutdown_reply", content, parent, ident=ident)
        self.session.send(
            self.iopub_socket,
            "shutdown_reply",
            content,
            parent=parent,
            ident=self._topic("shutdown"),
        )
        self.control_stream.flush(zmq.POLLOUT)
        self.io_loop.add_callback(self.io_loop.stop)
        IOLoop.current().call_later(_GRACE, os._exit, 0)


@frozen(kw_only=True)
class KernelParts:
    """A kernel that has no sockets yet."""

    kernel: CellKernel
    serializer: CellSerializer
    publisher: Publisher
    stdout: CellStream
    stderr: CellStream

    def redirect_streams(self) -> None:
        """Replace `sys.stdout` and `sys.stderr` with the kernel's streams."""
        sys.stdout, sys.stderr = self.stdout, self.stderr


def build(
    *, shell_class: type[CellShell], names: Callable[[], Mapping[str, object]], sigint: Sigint
) -> KernelParts:
    """Make the kernel and its shell, once, in the process that all kernels are forked from.

    See `CellKernel` for `names` and `sigint`.
    """
    serializer = CellSerializer()
    publisher = Publisher(serializer)
    config = Config({"HistoryAccessor": {"enabled": False, "hist_file": ":memory:"}})
    # `instance`, since comms publish only if they find a kernel that way.
    kernel = CellKernel.instance(
        shell_class=shell_class,
        compiler_class=shell_class.cell_compiler,
        names=names,
        sigint=sigint,
        session=serializer,
        iopub_socket=publisher,
        iopub_thread=publisher,
        config=config,
        log=_silent_log(),
    )
    figures.stay_inline(lambda: plotwidgets.adopt(kernel))
    register_preloaded()
    return KernelParts(
        kernel=kernel,
        serializer=serializer,
        publisher=publisher,
        stdout=CellStream("stdout", 1, publisher),
        stderr=CellStream("stderr", 2, publisher),
    )


def _silent_log() -> logging.Logger:
    """A log that drops ipykernel's complaints about requests: they help nobody here."""
    log = logging.getLogger("sagecell_tx.kernel")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    return log
