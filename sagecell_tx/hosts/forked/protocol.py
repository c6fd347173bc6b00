"""The protocol with the fork server: JSON commands to it, and JSON lines with events from it.

The fork server runs on the untrusted side: a malformed line from it is logged and dropped.

Source of the lines: docs/protocol.rst, "The fork server".
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from sagecell_tx.hosts.forked.commandsocket import CommandSocket
from sagecell_tx.hosts.forked.python import variables
from sagecell_tx.kernelside.startcommand import KernelLimits
from sagecell_tx.limits import Limits
from sagecell_tx.wire.messages import WireError, dump, parse_object

_log = Logger()

#: The longest line from the fork server, in bytes.
LINE = 64 * 1024

#: The environment variables that the fork server and its kernels inherit, besides LC_*.
ENVIRONMENT = frozenset({"HOME", "LANG", "PATH", "PYTHONPATH", "TZ", "VIRTUAL_ENV"})


def command(
    preload: tuple[str, ...],
    sandbox: Sequence[str] = (),
    python: str = sys.executable,
    *,
    picture_files: bool = False,
) -> list[str]:
    """The fork server's argument list; `sandbox` are arguments about its kernels' confinement."""
    # -P: never import a module from the working directory.
    argv = [python, "-P", "-m", "sagecell_tx.kernelside.forkserver", *sandbox]
    argv += ["--picture-files"] if picture_files else []
    return [*argv, "--preload", ",".join(preload)] if preload else argv


def environment(python: str = sys.executable) -> dict[str, str]:
    """The environment variables of the Python `python`: none that may contain a secret."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name in ENVIRONMENT or name.startswith("LC_")
    }
    return {**inherited, **variables(python)}


def kernel_limits(limits: Limits) -> KernelLimits:
    """The limits that the fork server and the kernel enforce."""
    machine, files = limits.machine, limits.files
    return KernelLimits(
        cpu_seconds=machine.cpu_seconds,
        warning_seconds=limits.lifetime.warning_seconds,
        memory_bytes=machine.memory_bytes,
        processes=machine.processes,
        open_files=machine.open_files,
        directory_bytes=machine.directory_bytes,
        file_bytes=files.file_bytes,
        session_bytes=files.session_bytes,
        session_files=files.session_files,
        background_seconds=limits.lifetime.background_seconds,
    )


@define(eq=False)
class ForkServerProtocol(ProcessProtocol):
    """One run of the fork server. `event` is called with each line, `ended` once, at the end.

    Commands, and the descriptors that go with them, are sent over a `CommandSocket`.
    """

    reactor: Any
    event: Callable[[dict[str, Any]], None]
    ended: Callable[[Failure], None]
    _commands: CommandSocket | None = field(default=None, init=False)
    _line: bytes = field(default=b"", init=False)

    def spawn(self, argv: Sequence[str]) -> None:
        """Start the program; raises OSError."""
        self._commands, theirs = CommandSocket.pair(self.reactor, self._overrun)
        with theirs:
            try:
                self.reactor.spawnProcess(
                    self,
                    argv[0],
                    argv,
                    env=environment(argv[0]),
                    path="/",
                    childFDs={0: theirs.fileno(), 1: "r", 2: "r"},
                )
            except OSError:
                self._commands.close()
                raise

    def send_command(self, descriptors: Sequence[int] = (), /, **line: object) -> None:
        """Send a command with descriptors, which it takes over and closes."""
        assert self._commands is not None, "spawn was not called"
        self._commands.send(dump(line), descriptors)

    def finish(self) -> None:
        """Close the command socket: the fork server then kills its kernels and ends."""
        if self._commands is not None:
            self._commands.close()

    def kill(self) -> None:
        """Kill the process, if it runs."""
        if self.transport is not None and self.transport.pid is not None:
            self.transport.signalProcess("KILL")

    @override
    def outReceived(self, data: bytes) -> None:
        """Split the fork server's output into lines, and pass on each event."""
        *lines, self._line = (self._line + data).split(b"\n")
        if len(self._line) > LINE:
            _log.error("the fork server sent a line of more than {limit} bytes: killed", limit=LINE)
            self.kill()
            self._line = b""
        for line in lines:
            try:
                content = parse_object(line)
            except WireError as error:
                _log.error("malformed line from the fork server: {error}", error=error)
            else:
                self.event(content)

    @override
    def errReceived(self, data: bytes) -> None:
        """Log the fork server's stderr."""
        for line in data.decode("utf-8", "replace").splitlines():
            _log.warn("fork server: {line}", line=line[:2000])

    @override
    def processEnded(self, reason: Failure) -> None:
        """The process has ended."""
        self.finish()
        self.ended(reason)

    def _overrun(self) -> None:
        _log.error("the fork server does not read its commands: killed")
        self.kill()
