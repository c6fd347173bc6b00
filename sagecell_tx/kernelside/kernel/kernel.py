"""An IPython kernel that is built before the fork and gets its sockets after it."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zmq
from attrs import frozen
from ipykernel.ipkernel import IPythonKernel
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.error import UsageError
from IPython.core.interactiveshell import ExecutionResult
from tornado.ioloop import IOLoop
from traitlets import Any as AnyTrait
from traitlets import Type, default, observe
from traitlets.config import Config

from sagecell_tx.kernelside.completion.requests import CompletionRequests
from sagecell_tx.kernelside.files import listing, programfile
from sagecell_tx.kernelside.files.upload import ChangedFiles
from sagecell_tx.kernelside.kernel import magics, unreachable
from sagecell_tx.kernelside.kernel.formatter import CellFormatter
from sagecell_tx.kernelside.kernel.interrupts import Interrupts
from sagecell_tx.kernelside.kernel.serializer import CellSerializer
from sagecell_tx.kernelside.kernel.tracebacks import (
    CellCompiler,
    CellSyntaxTraceback,
    CellTraceback,
)
from sagecell_tx.kernelside.languages import python, sage
from sagecell_tx.kernelside.output import figures
from sagecell_tx.kernelside.output.publisher import LINGER, Publisher
from sagecell_tx.kernelside.output.streams import CellStream
from sagecell_tx.kernelside.startcommand import KernelLimits
from sagecell_tx.kernelside.userapi import exits
from sagecell_tx.kernelside.userapi.requests import RUNNING, InteractRequests
from sagecell_tx.kernelside.userapi.toolbox import Toolbox, exercise_cell

#: How long a shutdown waits for a running cell, in seconds.
_GRACE = 0.3


class CellShell(ZMQInteractiveShell):  # type: ignore[misc]
    """An InteractiveShell that keeps nothing outside its process."""

    user_ns: dict[str, Any]
    ast_node_interactivity: str
    toolbox: Toolbox

    def init_ipython_dir(self, _: object) -> None:
        """Use none: no profile, no start-up files, no extensions of the account."""

    def init_profile_dir(self, _: object) -> None:
        """Use none: what magics store in a profile, such as bookmarks, stays in memory."""
        self.db = magics.MemoryStore()

    def init_display_formatter(self) -> None:
        """Install a `CellFormatter`. Called once, before any cell."""
        self.display_formatter = CellFormatter(parent=self)
        self.configurables.append(self.display_formatter)

    def init_traceback_handlers(self, custom_exceptions: Any) -> None:
        """Install formatters of errors that show only the program's own frames."""
        super().init_traceback_handlers(custom_exceptions)
        self.SyntaxTB = CellSyntaxTraceback(theme_name=self.colors)
        self.InteractiveTB = CellTraceback(mode=self.xmode, theme_name=self.colors)

    def init_magics(self) -> None:
        """Refuse some magics. Called once, before any cell."""
        super().init_magics()
        magics.refuse(self)

    def init_user_ns(self) -> None:
        """Add the toolbox's names. Called at the beginning, and for each `%reset`."""
        super().init_user_ns()
        if not hasattr(self, "toolbox"):
            self.toolbox = Toolbox(kernel=self.kernel, variables=self.user_ns)
            self.input_transformers_cleanup.append(exercise_cell)
        self.user_ns.update(self.toolbox.names)
        self.user_ns_hidden.update(self.toolbox.names)

    def adopt_directory(self) -> None:
        """Use the process's working directory for imports and as the home of `%cd`.

        As in ipykernel, imports look there after the standard library and before installed packages.
        """
        self.home_dir = os.getcwd()
        self.history_manager.dir_hist[:] = [Path.cwd()]
        installed = (
            index
            for index, path in enumerate(sys.path)
            if os.path.basename(path) in ("site-packages", "dist-packages")
        )
        sys.path.insert(next(installed, 0), "")

    def transform_cell(self, raw_cell: str) -> str:
        """Return the cell as Python. A wrapped program is Python already, without IPython's syntax."""
        program = python.wrapped_program(raw_cell)
        if program is not None:
            return program
        metadata = self.kernel.get_parent("shell")["metadata"]
        lists = [self.input_transformers_cleanup, self.input_transformers_post]
        is_python = metadata.get(sage.LANGUAGE) == "python"
        with python.unpreparsed(*lists if is_python else []):
            transformed: str = super().transform_cell(raw_cell)
        return transformed

    async def run_code(
        self, code_obj: Any, result: ExecutionResult | None = None, *, async_: bool = False
    ) -> bool:
        """Run a cell's code, in the namespace that reports changes while any name is watched.

        Returns whether it raised. An exit with status 0 is not an error in `result`.
        """
        namespace, plain = self.toolbox.namespace, self.user_ns
        if namespace.watched:
            self.user_ns = namespace
        try:
            ended: bool = await super().run_code(code_obj, result, async_=async_)
        finally:
            self.user_ns = plain
        if result is not None and isinstance(result.error_in_exec, SystemExit):
            status = exits.status(result.error_in_exec)
            result.error_in_exec = SystemExit(status) if status else None
        return ended

    def showtraceback(self, exc_tuple: Any = None, *args: Any, **kwargs: Any) -> None:
        """Show an error, by default the one that is being handled; an exit with its status only."""
        error = exc_tuple[1] if exc_tuple else sys.exc_info()[1]
        if isinstance(error, SystemExit):
            exits.show(error, self)
        else:
            super().showtraceback(exc_tuple, *args, **kwargs)

    def run_cell(self, raw_cell: str, *args: Any, **kwargs: Any) -> ExecutionResult:
        """Run a cell; an interrupt during it, or held since before, becomes its error."""

        def run() -> ExecutionResult:
            shown = self.ast_node_interactivity
            if python.wrapped_program(raw_cell) is not None:
                self.ast_node_interactivity = "none"  # as `exec` shows no value
            try:
                result = super(CellShell, self).run_cell(raw_cell, *args, **kwargs)
            finally:
                self.ast_node_interactivity = shown
            self.toolbox.namespace.settle()
            return result

        def interrupted() -> ExecutionResult:
            result = ExecutionResult(None)
            result.error_in_exec = KeyboardInterrupt()
            self.showtraceback((KeyboardInterrupt, result.error_in_exec, None))
            return result

        return self.kernel.interrupts.run(run, interrupted)

    def user_expressions(self, expressions: dict[str, str]) -> dict[str, Any]:
        """Evaluate the request's user_expressions; an interrupt leaves an empty result."""
        values: dict[str, Any] = self.kernel.interrupts.run(
            lambda: super(CellShell, self).user_expressions(expressions), dict
        )
        return values

    def enable_matplotlib(self, gui: str | None = None) -> Any:
        """As ``%matplotlib`` does; "agg" is the inline backend, see `figures.stay_inline`."""
        return super().enable_matplotlib("inline" if gui == "agg" else gui)

    def explain_network(self, network: str, hosts: Sequence[str]) -> None:
        """Add sentences to errors of the network; see `unreachable.sentence`."""
        self.InteractiveTB.unreachable_note = unreachable.sentence(network, hosts)
        if network == "none":
            os.environ["PIP_RETRIES"] = "0"  # else it tries for a quarter of a minute

    def system_piped(self, cmd: str) -> None:
        """Run a command in a subprocess, as ``!cmd`` does."""
        super().system_piped(cmd)
        note = self.InteractiveTB.unreachable_note
        if note and self.user_ns.get("_exit_code") and unreachable.needs_network(cmd):
            print(note, file=sys.stderr)

    system = system_piped

    def enable_gui(self, gui: str | None = None) -> None:
        """Accept only None and "inline": no visitor could see a window. Raises UsageError."""
        if gui not in (None, "inline"):
            raise UsageError(f"The GUI {gui!r} is not supported: plots appear inline.")

    @default("exiter")  # type: ignore[untyped-decorator]
    def _default_exiter(self) -> exits.ExitFunction:
        return exits.ExitFunction(self)

    @observe("exit_now")  # type: ignore[untyped-decorator]
    def _update_exit_now(self, _: object) -> None:
        """Do nothing: `dispatch_shell` ends the kernel after the reply."""


class _NoSubshells:
    """Stands in for ipykernel's thread of subshells: false, with the main thread as parent."""

    parent_thread = threading.main_thread()

    def __bool__(self) -> bool:
        return False


class CellKernel(IPythonKernel):  # type: ignore[misc]
    """The IPython kernel of one session."""

    shell_class = Type(CellShell)
    # ipykernel's own hashes each cell in Python for the debugger, which is off.
    compiler_class = Type(CellCompiler)
    changed_files = AnyTrait()

    # ipykernel's own sleeps before each reply, for streams that are slow to flush.
    _execute_sleep = 0.0

    # They cost each kernel a thread and three sockets, and no client here uses them.
    _supports_kernel_subshells = False

    def __init__(self, **traits: Any) -> None:
        self.interrupts = Interrupts()
        self._listed: list[str] = []
        self._unlisted: set[str] = set()  # files that the program's `sent_files` has already
        super().__init__(shell_channel_thread=_NoSubshells(), **traits)
        self.shell_handlers.update(InteractRequests(self).handlers)
        self.shell_handlers.update(CompletionRequests(self).handlers)

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
        await super().dispatch_shell(*args, **kwargs)
        if self.shell.exit_now:
            self.io_loop.stop()

    async def do_execute(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Run a cell; publish its changed files before the reply, which lists them."""
        if self.changed_files is not None:
            programfile.keep(kwargs["code"], self.changed_files.root)
        reply: dict[str, Any] = await super().do_execute(*args, **kwargs)
        if sentence := sage.excuse(self.get_parent("shell")["metadata"], reply):
            print(sentence, file=sys.stderr)
        reply["payload"][:0] = self.files_payload()
        return reply

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


def build() -> KernelParts:
    """Make the kernel and its shell, once, in the process that all kernels are forked from."""
    figures.stay_inline()
    serializer = CellSerializer()
    publisher = Publisher(serializer)
    config = Config({"HistoryAccessor": {"enabled": False, "hist_file": ":memory:"}})
    # `instance`, since comms publish only if they find a kernel that way.
    kernel = CellKernel.instance(
        session=serializer,
        iopub_socket=publisher,
        iopub_thread=publisher,
        config=config,
        log=_silent_log(),
    )
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
