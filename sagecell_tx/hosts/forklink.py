"""The host whose kernels are forked from one process that has everything loaded.

`ForkHost` keeps a fork server running; each kernel is a `ForkedKernel` from the start line
on until its process, its sockets and its directory are gone.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from sagecell_tx.config import Limits
from sagecell_tx.hosts.forkedkernel import ForkedKernel
from sagecell_tx.hosts.forkserver import ForkServerProtocol, command, environment
from sagecell_tx.hosts.workdir import WorkDirs
from sagecell_tx.hosts.zmqlink import Factory
from sagecell_tx.sessions.interfaces import Exit, Kernel, KernelObserver

_log = Logger()

#: A fork server that lived for so many seconds is replaced at once; others with back-off.
SOUND = 10.0
LONGEST_WAIT = 30.0

#: How long the fork server may take to end, in seconds.
PATIENCE = 5.0


@define(kw_only=True, eq=False)
class ForkHost(Service):
    """The fork server and its kernels.

    `new_key` makes a kernel's signing key; `threads` is where directories are removed.
    `rejected` counts the dropped messages by reason.
    """

    reactor: Any
    threads: Any  # a ThreadPool
    zmq: Factory
    directories: WorkDirs
    limits: Limits
    preload: tuple[str, ...]
    new_key: Callable[[], str]
    sandbox: str = "none"
    rejected: Counter[str] = field(factory=Counter, init=False)
    _server: ForkServerProtocol | None = field(default=None, init=False)
    _up: bool = field(default=False, init=False)
    _born: float = field(default=0.0, init=False)
    _short_lives: int = field(default=0, init=False)
    _retry: IDelayedCall | None = field(default=None, init=False)
    _kernels: dict[str, ForkedKernel] = field(factory=dict, init=False)
    _unsent: list[ForkedKernel] = field(factory=list, init=False)
    _awaiting_up: list[Deferred[None]] = field(factory=list, init=False)
    _finished: Deferred[None] | None = field(default=None, init=False)

    # --- Host

    def start(self, kernel_id: str, observer: KernelObserver) -> Deferred[Kernel]:
        """See `sagecell_tx.sessions.interfaces.Host.start`."""
        kernel = ForkedKernel(
            kernel_id, self, observer, self.directories.make(), self.new_key().encode("ascii")
        )
        ready = kernel.when_ready
        self._kernels[kernel_id] = kernel
        if self._up:
            self._send_start(kernel)
        else:
            self._unsent.append(kernel)
        return ready

    def when_up(self) -> Deferred[None]:
        """Fires when the fork server can fork."""
        waiter: Deferred[None] = Deferred(self._awaiting_up.remove)
        if self._up:
            waiter.callback(None)
        else:
            self._awaiting_up.append(waiter)
        return waiter

    # --- for its kernels

    def tell(self, **line: object) -> None:
        """Send the fork server a command."""
        if self._server is not None:
            self._server.tell(**line)

    def give_up(self, kernel: ForkedKernel) -> None:
        """End a kernel that nobody waits for."""
        if kernel in self._unsent:
            self._unsent.remove(kernel)
            self._end(kernel.kernel_id, Exit())
        else:
            kernel.kill()

    # --- Service

    @override
    def startService(self) -> None:
        """Start the fork server."""
        super().startService()
        swept = self.directories.open()
        if swept:
            _log.info("swept {count} directories of an earlier run", count=swept)
        self._spawn()

    @override
    def stopService(self) -> Deferred[None]:
        """End the fork server; fires when it is gone."""
        super().stopService()
        finished: Deferred[None] = Deferred()
        if self._retry is not None and self._retry.active():
            self._retry.cancel()
        if self._server is None:
            finished.callback(None)
        else:
            self._finished = finished
            self._server.finish()
            last_resort = self.reactor.callLater(PATIENCE, self._server.kill)
            finished.addBoth(lambda _: last_resort.active() and last_resort.cancel())
        return finished.addCallback(lambda _: self._close())

    def _close(self) -> None:
        self.zmq.shutdown()
        self.directories.close()

    # --- the fork server

    def _spawn(self) -> None:
        self._server = ForkServerProtocol(self._event, self._ended)
        self._born = self.reactor.seconds()
        argv = command(self.preload)
        self.reactor.spawnProcess(
            self._server,
            argv[0],
            argv,
            env=environment(),
            path="/",
            childFDs={0: "w", 1: "r", 2: "r"},
        )

    def _event(self, line: dict[str, Any]) -> None:
        event, kernel_id = line.get("event"), line.get("id")
        if event == "ready":
            self._came_up(line)
            return
        kernel = self._kernels.get(kernel_id) if isinstance(kernel_id, str) else None
        if kernel is None:
            _log.warn("from the fork server: {line}", line=line)
        elif event == "started":
            kernel.pid = _number(line, "pid")
        elif event == "bound":
            kernel.bound()
        elif event == "exited":
            self._end(
                kernel.kernel_id,
                Exit(status=_number(line, "status"), signal=_number(line, "signal")),
            )
        elif event == "failed":
            _log.error("{kernel}: {why}", kernel=kernel_id, why=line.get("message"))
            self._end(kernel.kernel_id, Exit())
        else:
            _log.warn("from the fork server: {line}", line=line)

    def _came_up(self, line: dict[str, Any]) -> None:
        self._up = True
        self.sandbox = str(line.get("sandbox"))
        _log.info("fork server up in {seconds} s", seconds=line.get("seconds"))
        if line.get("missing"):
            _log.warn("not installed, so not preloaded: {missing}", missing=line["missing"])
        unsent, self._unsent = self._unsent, []
        for kernel in unsent:
            self._send_start(kernel)
        waiting, self._awaiting_up = self._awaiting_up, []
        for waiter in waiting:
            waiter.callback(None)

    def _ended(self, reason: Failure) -> None:
        """The fork server is gone, and its kernels with it."""
        self._server = None
        self._up = False
        kernels = [kernel for kernel in self._kernels.values() if kernel not in self._unsent]
        for kernel in kernels:
            _kill_group(kernel.pid)
            self._end(kernel.kernel_id, Exit())
        if self._finished is not None:
            finished, self._finished = self._finished, None
            finished.callback(None)
        elif self.running:
            wait = self._back_off()
            _log.error(
                "the fork server ended, and {count} kernels with it: {why}; again in {wait} s",
                count=len(kernels),
                why=reason.value,
                wait=wait,
            )
            self._retry = self.reactor.callLater(wait, self._spawn)

    def _back_off(self) -> float:
        """Seconds until the next try: none after a sound life, then more and more."""
        if self.reactor.seconds() - self._born >= SOUND:
            self._short_lives = 0
            return 0.0
        self._short_lives += 1
        return float(min(0.05 * 2**self._short_lives, LONGEST_WAIT))

    def _send_start(self, kernel: ForkedKernel) -> None:
        limits = self.limits
        self.tell(
            op="start",
            id=kernel.kernel_id,
            dir=str(kernel.directory),
            key=kernel.key.decode("ascii"),
            limits={
                "cpu": limits.cpu,
                "file": limits.file,
                "files": limits.files,
                "files_count": limits.files_count,
            },
        )

    def _end(self, kernel_id: str, how: Exit) -> None:
        kernel = self._kernels.pop(kernel_id, None)
        if kernel is not None:
            kernel.ended(how)


def _number(line: dict[str, Any], name: str) -> int | None:
    value = line.get(name)
    return value if type(value) is int else None


def _kill_group(pid: int | None) -> None:
    """Kill what a kernel started: with its fork server gone, nobody else will."""
    if pid is not None:
        with suppress(OSError):  # gone already, as it should be
            os.killpg(pid, signal.SIGKILL)
