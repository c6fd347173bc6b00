"""One worker as the keeper has it: a number, and one process after the other."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessTerminated
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from sagecell_tx.sessions.admission.places import PlacePool
from sagecell_tx.sessions.admission.visitors import Purpose
from sagecell_tx.workers.process import WorkerProcess, how_it_ended
from sagecell_tx.workers.protocol import Drain, Wanted

_log = Logger()

#: Seconds before a worker's process is replaced: at first, and doubled for each one in a row that was not up, or lived
#: for less than `SOUND` seconds.
PAUSE = 0.5
LONGEST_PAUSE = 30.0
SOUND = 30.0


@define(kw_only=True, eq=False)
class Worker:
    """The worker with the number `node`: it has one process at a time, which `spawn` starts.

    `spawn` is called with the protocol of the process, the descriptor of the worker's end of the
    line, and whether another process of this worker came before. `came_up` is called when a process is
    ready, and `has_ended` when it has ended by itself, with whether it had failed to start. `drains`
    and `relay` are those of `WorkerProcess`, `on_changed` is that of `Holdings`.
    """

    reactor: Any
    node: int
    pools: Mapping[Purpose, PlacePool]
    spawn: Callable[[ProcessProtocol, int, bool], Any]
    came_up: Callable[[], None]
    has_ended: Callable[[Worker, bool], None]
    drains: Callable[[], None]
    on_changed: Callable[[], None]
    relay: Callable[[str], None]
    was_up: bool = field(default=False, init=False)
    _process: WorkerProcess | None = field(default=None, init=False)
    _started: int = field(default=0, init=False)  # processes, so far
    _short_lived: int = field(default=0, init=False)  # processes, the last ones in a row
    _restart: IDelayedCall | None = field(default=None, init=False)
    _is_stopping: bool = field(default=False, init=False)
    _wanted: int = field(default=0, init=False)  # see `tell_wanted`

    @property
    def is_alive(self) -> bool:
        """Whether it has a process, or will have one."""
        return self._process is not None or self._restart is not None

    @property
    def is_up(self) -> bool:
        """Whether its process is ready."""
        return self._process is not None and self._process.is_up

    @property
    def pid(self) -> int | None:
        """The process id; None if it has no process."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start a process."""
        self._restart = None
        process = WorkerProcess(
            reactor=self.reactor,
            node=self.node,
            pools=self.pools,
            on_changed=self.on_changed,
            came_up=self._up,
            drains=self.drains,
            relay=self.relay,
            has_ended=self._ended,
        )
        try:
            self._spawn(process)
        except OSError:
            _log.failure("web process {node} could not be started", node=self.node)
            process.not_started()
            self._short_lived += 1
            self.restart_later()
            return
        self._process, self._started = process, self._started + 1
        if self._wanted:
            process.send(Wanted(self._wanted))

    def _spawn(self, process: WorkerProcess) -> None:
        """Start a process, with a line to it. Raises OSError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours, theirs:
            for end in (ours, theirs):
                end.setblocking(False)
            process.connect(ours)
            self.spawn(process, theirs.fileno(), self._started > 0)

    def restart_later(self) -> None:
        """Start another process after a pause."""
        pause = min(LONGEST_PAUSE, PAUSE * 2 ** min(self._short_lived, 16))
        _log.warn("web process {node} starts again in {pause} s", node=self.node, pause=pause)
        self._restart = self.reactor.callLater(pause, self.start)

    def stop(self) -> Deferred[None]:
        """Ask the process to stop; fires when it has ended. None follows."""
        self._is_stopping = True
        if self._restart is not None:
            self._restart.cancel()
            self._restart = None
        if self._process is None:
            return succeed(None)
        self._process.stop()
        return self._process.ended.when_fired()

    def drain(self) -> None:
        """Tell the process to drain, or to stop if it is not up. It is not replaced if it has ended already."""
        if self._restart is not None:
            self._restart.cancel()
            self._restart = None
        if self._process is None:
            return
        if self._process.is_up:
            self._process.send(Drain())
        else:
            self._process.stop()  # it has nothing yet, and may never come up

    def tell_wanted(self, count: int) -> None:
        """Tell the process how many of its kernels that nobody needs should make room, now and after a restart."""
        self._wanted = count
        if self._process is not None:
            self._process.send(Wanted(count))

    # --- from its process

    def _up(self) -> None:
        """The process is ready."""
        self.was_up = True
        self.came_up()

    def _ended(self, process: WorkerProcess, reason: Failure) -> None:
        """The process has ended."""
        self._process = None
        lived = self.reactor.seconds() - process.began
        self._short_lived = 0 if lived >= SOUND and process.was_up else self._short_lived + 1
        failed = isinstance(reason.value, ProcessTerminated) and reason.value.exitCode == 1
        if not self._is_stopping:
            _log.info(
                "web process {node}, pid {pid}, has ended: {why}",
                node=self.node,
                pid=process.pid,
                why=how_it_ended(reason),
            )
            self.has_ended(self, failed)
