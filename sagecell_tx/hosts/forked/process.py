"""The process of one kernel, forked by a fork server of this machine.

It implements `sagecell_tx.hosts.kernels.processes.KernelProcess`, and has all of a kernel that touches
the machine: its directory, the bootstrap socket, its access to the network, its pid.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack, suppress
from enum import Enum, auto
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from sagecell_tx.hosts.channels.bytestream import ByteStream
from sagecell_tx.hosts.channels.link import kernel_socket
from sagecell_tx.hosts.channels.unixstream import UnixStream, connected
from sagecell_tx.hosts.directories.removals import Removals
from sagecell_tx.hosts.forked.bootstrap import HostBootstrap
from sagecell_tx.hosts.kernels.processes import ProcessObserver, Trouble
from sagecell_tx.hosts.network.egress import Network, Outlet
from sagecell_tx.hosts.network.fdpassing import NoListener
from sagecell_tx.kernelside.startcommand import MOST_HOSTS, KernelLimits, StartCommand
from sagecell_tx.sessions.interfaces import LOCAL, Exit

_log = Logger()


@frozen(kw_only=True)
class MachineResources:
    """What all processes of a launcher share: the removal of directories, the access to the network."""

    reactor: Any
    removals: Removals
    network: Network | None


class _ProcessPhase(Enum):
    NEW = auto()
    STARTING = auto()
    RESTARTED = auto()  # its fork server was lost, and the next one starts it
    ANSWERED = auto()  # it is going to bind its sockets
    BOUND = auto()
    KILLED = auto()
    GONE = auto()


@define(kw_only=True, eq=False)
class LaunchedProcess:
    """A kernel's process, from its start to the removal of its directory.

    `send_command` sends the fork server a command about it. `on_begin` is called when it is to be
    started, and `on_kill` when it is to be killed.
    """

    number: int
    directory: Path
    key: bytes
    limits: KernelLimits
    resources: MachineResources
    send_command: Callable[..., None]
    on_begin: Callable[[LaunchedProcess], None]
    on_kill: Callable[[LaunchedProcess], None]
    ahead: bool = False  # see `Host.start`
    observer: ProcessObserver = field(init=False)
    pid: int | None = field(default=None, init=False)  # once the fork server has reported it
    _phase: _ProcessPhase = field(default=_ProcessPhase.NEW, init=False)
    _bootstrap: HostBootstrap | None = field(default=None, init=False)  # of this start
    _outlet: Outlet | None = field(default=None, init=False)  # of this start
    _start: ExitStack = field(factory=ExitStack, init=False)  # closes what only this start needs

    # --- KernelProcess

    @property
    def is_forked(self) -> bool:
        """Whether the fork server has reported its pid."""
        return self.pid is not None

    @property
    def machine_name(self) -> str:
        """See `KernelProcess.machine_name`: this machine."""
        return LOCAL

    def begin(self, observer: ProcessObserver) -> None:
        """See `KernelProcess.begin`."""
        self.observer, self._phase = observer, _ProcessPhase.STARTING
        self.on_begin(self)

    def stream(
        self, port: int, on_data: Callable[[bytes], None], on_close: Callable[[], None]
    ) -> ByteStream:
        """See `KernelProcess.stream`."""
        found = connected(kernel_socket(self.directory, port), self.sockets)
        return UnixStream(self.resources.reactor, found, on_data, on_close)

    def come_up(self) -> None:
        """See `KernelProcess.come_up`."""
        self.send_command(op="up")

    def interrupt(self) -> None:
        """See `KernelProcess.interrupt`."""
        self.send_command(op="signal", signal="INT")

    def kill(self) -> None:
        """See `KernelProcess.kill`."""
        if self._phase is not _ProcessPhase.GONE:
            self._phase = _ProcessPhase.KILLED
            self.on_kill(self)

    def remove(self) -> Deferred[object]:
        """See `KernelProcess.remove`."""
        removed = self.resources.removals.begin(self.directory)
        return removed.addErrback(
            lambda failure: _log.failure("removing a directory failed", failure)
        )

    # --- its start

    @property
    def sockets(self) -> int | None:
        """A descriptor of the directory of its sockets, if it is not where this server made it."""
        return None

    @property
    def command(self) -> StartCommand:
        """The start command; the descriptors that `prepare` returns go with it."""
        network = self.resources.network
        return StartCommand(
            kernel_id=self.number,
            limits=self.limits,
            proxy=network is not None,
            ahead=self.ahead,
            hosts=() if network is None else tuple(network.allowed.names[:MOST_HOSTS]),
        )

    def prepare(self) -> list[int]:
        """The descriptors that go with the start command; raises OSError.

        The first is the kernel's end of the bootstrap socket. The second is the kernel's directory, so
        that the fork server can give it to the kernel's account, and count the files in it.
        """
        self._outlet = None
        if self.resources.network is not None:
            self._outlet = self.resources.network.outlet(
                self.directory, lambda: self.observer.kernel_id
            )
            self._start.callback(self._outlet.close)
        self._bootstrap, theirs = self.open_bootstrap()
        self._start.callback(self._bootstrap.close)
        try:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
            return [theirs, os.open(self.directory, flags)]
        except OSError:
            os.close(theirs)
            raise

    def open_bootstrap(self) -> tuple[HostBootstrap, int]:
        """See `HostBootstrap.open`."""
        return HostBootstrap.open(
            reactor=self.resources.reactor,
            directory=self.directory,
            key=self.key,
            bound=self.bound,
            failed=self.start_failed,
            broken=self.bootstrap_broken,
        )

    def server_lost(self) -> bool:
        """The fork server has ended; returns whether the next one is to start this process.

        One that was not bound has sent nothing yet, so it can be started again. Only once: if two
        fork servers die during the same start, it may be the cause.
        """
        kill_group(self.pid)
        if self._phase is not _ProcessPhase.STARTING:
            return False
        self._phase, self.pid = _ProcessPhase.RESTARTED, None
        self._start.close()
        return True

    def ended(self, how: Exit) -> None:
        """The process tree has ended. The directory is still there."""
        if self._bootstrap is not None and (why := self._bootstrap.last_report()):
            self.observer.troubled(Trouble.START, why)
        self._phase = _ProcessPhase.GONE
        self._start.close()
        self.observer.ended(how)

    # --- from the kernel

    def bound(self) -> None:
        """Its sockets are bound: take the listener that it has sent, and report that."""
        if self._phase not in (
            _ProcessPhase.STARTING,
            _ProcessPhase.RESTARTED,
            _ProcessPhase.ANSWERED,
        ):
            return
        self._phase = _ProcessPhase.BOUND
        try:
            if self._outlet is not None:
                self._outlet.take_listener()
        except NoListener as error:
            self.observer.troubled(Trouble.NETWORK, str(error))
            self.observer.failed()
        else:
            self.observer.bound()

    def answered(self) -> None:
        """It has begun something that no other start may begin again."""
        if self._phase in (_ProcessPhase.STARTING, _ProcessPhase.RESTARTED):
            self._phase = _ProcessPhase.ANSWERED

    def start_failed(self, why: str) -> None:
        """It cannot come up, and says why."""
        self.observer.troubled(Trouble.START, why)
        self.observer.failed()

    def bootstrap_broken(self) -> None:
        """What it says on the bootstrap socket makes no sense."""
        self.observer.troubled(Trouble.MALFORMED, "")
        self.observer.failed()


def kill_group(pid: int | None) -> None:
    """Kill a kernel's process group, which its fork server can no longer do.

    The pid comes from the fork server, which is untrusted: 0 would be our own group, 1 everybody.
    """
    if pid is not None and pid > 1 and pid != os.getpgrp():
        with suppress(OSError):  # usually it has ended with the fork server
            os.killpg(pid, signal.SIGKILL)
