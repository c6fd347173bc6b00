"""What is said to the fork server, and by it: JSON to and from the process that forks the kernels.

What comes back is not believed: the fork server runs on the untrusted side. A line that
makes no sense is logged and dropped.

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
from sagecell_tx.kernelside.startcommand import KernelLimits
from sagecell_tx.limits import Limits
from sagecell_tx.wire.messages import WireError, dump, parse_object

_log = Logger()

#: The longest line from the fork server, in bytes.
LINE = 64 * 1024

#: What the fork server and its kernels inherit of our environment, besides LC_*.
ENVIRONMENT = frozenset({"HOME", "LANG", "PATH", "PYTHONPATH", "TZ", "VIRTUAL_ENV"})


def command(preload: tuple[str, ...], sandbox: Sequence[str] = ()) -> list[str]:
    """The fork server's argument list; `sandbox` are arguments about its kernels' confinement."""
    # -P: no module is ever taken from a working directory.
    argv = [sys.executable, "-P", "-m", "sagecell_tx.kernelside.forkserver", *sandbox]
    return [*argv, "--preload", ",".join(preload)] if preload else argv


def environment() -> dict[str, str]:
    """The fork server's environment: nothing that may be a secret."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in ENVIRONMENT or name.startswith("LC_")
    }


def kernel_limits(limits: Limits) -> KernelLimits:
    """The limits that a kernel holds itself to, or its fork server holds it to."""
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
    )


@define(eq=False)
class ForkServerProtocol(ProcessProtocol):
    """One run of the fork server. `event` is given each line, `ended` is called once.

    The commands, and the descriptors that go with them, leave over a socket of their own.
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
                    env=environment(),
                    path="/",
                    childFDs={0: theirs.fileno(), 1: "r", 2: "r"},
                )
            except OSError:
                self._commands.close()
                raise

    def send_command(self, descriptors: Sequence[int] = (), /, **line: object) -> None:
        """Send a command, and descriptors with it, which are closed here afterwards."""
        assert self._commands is not None, "nobody commands what was not started"
        self._commands.send(dump(line), descriptors)

    def finish(self) -> None:
        """Let it end: it kills its kernels when nobody can command it any more."""
        if self._commands is not None:
            self._commands.close()

    def kill(self) -> None:
        """Make it end."""
        if self.transport is not None and self.transport.pid is not None:
            self.transport.signalProcess("KILL")

    @override
    def outReceived(self, data: bytes) -> None:
        """Split what the fork server says into lines."""
        *lines, self._line = (self._line + data).split(b"\n")
        if len(self._line) > LINE:
            _log.error("the fork server sent a line without end")
            self.kill()
            self._line = b""
        for line in lines:
            try:
                told = parse_object(line)
            except WireError as error:
                _log.error("from the fork server: {error}", error=error)
            else:
                self.event(told)

    @override
    def errReceived(self, data: bytes) -> None:
        """Log what the fork server complains about."""
        for line in data.decode("utf-8", "replace").splitlines():
            _log.warn("fork server: {line}", line=line[:2000])

    @override
    def processEnded(self, reason: Failure) -> None:
        """The process is gone."""
        self.finish()
        self.ended(reason)

    def _overrun(self) -> None:
        _log.error("the fork server does not take its commands")
        self.kill()
