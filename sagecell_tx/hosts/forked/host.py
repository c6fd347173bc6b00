"""The host whose kernels are forked from one process that has everything imported.

`ForkHost` keeps a fork server running; each kernel is a `ForkedKernel` from its start until its
process, its sockets and its directory are gone.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from typing_extensions import override

from sagecell_tx.config import ConfigError
from sagecell_tx.hosts.channels.zmqsocket import ZmqSocketFactory
from sagecell_tx.hosts.directories.removals import Removals
from sagecell_tx.hosts.directories.workdir import WorkDirs
from sagecell_tx.hosts.forked.installed import InstalledKernel
from sagecell_tx.hosts.forked.kernel import ForkedKernel, HostResources
from sagecell_tx.hosts.forked.protocol import command, kernel_limits
from sagecell_tx.hosts.forked.python import KernelPython, Run
from sagecell_tx.hosts.forked.sandbox import Sandbox
from sagecell_tx.hosts.forked.supervisor import ForkServers
from sagecell_tx.hosts.forked.usage import usages_of
from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.hosts.network.egress import Network
from sagecell_tx.kernelside.startcommand import MOST_HOSTS, StartCommand
from sagecell_tx.limits import Limits
from sagecell_tx.process.resources import available_memory
from sagecell_tx.sessions.interfaces import Exit, HostStatus, Kernel, KernelObserver, Usage
from sagecell_tx.sessions.spec import KernelSpec
from sagecell_tx.sessions.waiters import OneShot
from sagecell_tx.wire.messages import Message

_log = Logger()

#: The most words that are taken from one list of the fork server's, which is not trusted.
_WORDS = 20


@define(kw_only=True, eq=False)
class ForkHost(Service):
    """A fork server and its kernels, which the fork server knows only by number.

    All kernels that stay forked have the kernel spec `spec`; the others become the programs of
    installed kernelspecs, whose own messages `originate` makes; see `InstalledKernel`. `new_key`
    makes a kernel's signing key. Large messages are checked in `threads`; directories are removed in `removers`, a pool that is not started yet.
    `rejected` counts the dropped messages by code. With `spare`, a second fork server is kept
    loaded, so that kernels can be started at once after the first one has died. `try_level` runs
    the program that tries levels of confinement; see `hosts.forked.sandbox`. `network` is the
    kernels' access to the network, if they have any. `python` is the Python that all of them run
    in. With `picture_files`, the plots of kernels are files as well.
    """

    reactor: Any
    threads: Any  # a ThreadPool
    removers: Any  # another one
    zmq: ZmqSocketFactory
    directories: WorkDirs
    limits: Limits
    spec: KernelSpec
    preload: tuple[str, ...]
    new_key: Callable[[], str]
    spare: bool
    sandbox: Sandbox
    try_level: Run
    network: Network | None = None
    python: KernelPython = field(factory=KernelPython)
    originate: Callable[[str, str, dict[str, Any]], Message]
    picture_files: bool = False
    environment: str = field(default="", init=False)  # as in `HostStatus`
    languages: tuple[str, ...] = field(default=(), init=False)  # as in `HostStatus`
    versions: Mapping[str, str] = field(factory=dict, init=False)  # as in `HostStatus`
    features: tuple[str, ...] = field(default=(), init=False)  # as in `HostStatus`
    unbounded: tuple[str, ...] = field(default=(), init=False)  # kinds of memory
    rejected: Counter[str] = field(factory=Counter, init=False)
    removals: Removals = field(init=False)
    _resources: HostResources = field(init=False)
    _servers: ForkServers = field(init=False)
    _left: list[Path] = field(factory=list, init=False)  # of an earlier run
    _up: OneShot[None] = field(factory=OneShot, init=False)  # of this fork server, or the next
    _ungrouped: str = field(default="", init=False)  # the sentence that was logged last
    _numbers: Iterator[int] = field(factory=lambda: count(1), init=False)
    _kernels: dict[int, ForkedKernel] = field(factory=dict, init=False)
    _unsent: list[ForkedKernel] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        self.removals = Removals(
            reactor=self.reactor, threads=self.removers, remove=self.directories.remove
        )
        self._resources = HostResources(
            reactor=self.reactor,
            threads=self.threads,
            zmq=self.zmq,
            directories=self.directories,
            limits=self.limits,
            removals=self.removals,
            rejected=self.rejected,
        )
        self._servers = ForkServers(
            reactor=self.reactor,
            spare=self.spare,
            available=available_memory,
            patience=self.limits.lifetime.start_seconds,
            came_up=self._came_up,
            event=self._event,
            lost=self._lost,
        )

    # --- Host

    def start(
        self, spec: KernelSpec, observer: KernelObserver, *, ahead: bool = False
    ) -> Deferred[Kernel]:
        """See `sagecell_tx.sessions.interfaces.Host.start`."""
        if spec != self.spec:
            raise ValueError(f"This host starts kernels of {self.spec.name}, not of {spec.name}.")
        return self._begin(partial(ForkedKernel, ahead=ahead), observer)

    def start_installed(
        self, installed: InstalledSpec, observer: KernelObserver
    ) -> Deferred[Kernel]:
        """As `start`, a kernel of an installed kernelspec."""
        make = partial(InstalledKernel, installed=installed, originate=self.originate)
        return self._begin(make, observer)

    def _begin(
        self, make: Callable[..., ForkedKernel], observer: KernelObserver
    ) -> Deferred[Kernel]:
        number = next(self._numbers)
        kernel = make(
            number=number,
            directory=self.directories.make(),
            key=self.new_key().encode("ascii"),
            observer=observer,
            resources=self._resources,
            send_command=partial(self._servers.send_command, id=number),
            on_given_up=self._given_up,
        )
        ready = kernel.when_ready
        self._kernels[number] = kernel
        if self._up.fired:
            self._send_start(kernel)
        else:
            self._unsent.append(kernel)
        return ready

    # --- MeasuringHost

    def usages(self) -> Deferred[dict[str, Usage]]:
        """See `sagecell_tx.sessions.interfaces.MeasuringHost.usages`."""
        pids = {
            kernel.kernel_id: kernel.pid
            for kernel in self._kernels.values()
            if kernel.alive and kernel.pid is not None
        }
        return deferToThreadPool(self.reactor, self.threads, usages_of, pids)

    # --- HostService

    @property
    def status(self) -> HostStatus:
        """See `sagecell_tx.sessions.interfaces.HostService.status`."""
        return HostStatus(
            sandbox=self.sandbox.level,
            environment=self.environment,
            languages=self.languages,
            versions=self.versions,
            starting=not self._up.fired,
            features=self.features,
            unbounded=self.unbounded,
            rejected=dict(self.rejected),
        )

    def when_up(self) -> Deferred[None]:
        """Fires when a fork server is ready; after its loss, when the next one is."""
        return self._up.when_fired()

    def claim(self) -> None:
        """Lock the kernels' directories for this server; raises `ConfigError`.

        A failure leaves another server's directories unchanged. Harmless if repeated.
        """
        if not self.directories.taken:
            self._left = self.directories.open()

    @override
    def startService(self) -> None:
        """Choose the sandbox, which blocks, and start the fork server; raises `ConfigError`."""
        super().startService()
        self.claim()
        self.environment = self.python.check(self.try_level)
        self.sandbox = self.sandbox.chosen(self.try_level, self.python.path)
        if self.network is not None and self.sandbox.level != "namespaces":
            raise ConfigError(
                "network: hosts can be allowed only in the sandbox 'namespaces', where each kernel "
                f"has a network of its own; here kernels get {self.sandbox.level!r}. "
                "Remove the setting, or set sandbox to 'namespaces'."
            )
        if self.network is not None:
            self.network.resolver.start()
        _log.info("sandbox: {sandbox}", sandbox=self.sandbox.level)
        # After all checks that may raise: with threads, this process would not end by itself.
        self.removals.start()
        self._sweep()
        self._servers.start(
            command(
                self.preload,
                self.sandbox.arguments,
                self.python.path,
                picture_files=self.picture_files,
            )
        )

    def _sweep(self) -> None:
        """Begin to remove the directories that an earlier run has left."""
        left, self._left = self._left, []
        if left:
            _log.info("sweeping {count} directories of an earlier run", count=len(left))
        for path in left:
            self.removals.begin(path).addErrback(
                lambda failure: _log.failure("sweeping a directory failed", failure)
            )

    def hurry(self) -> None:
        """See `Removals.hurry`: the server is stopping."""
        self.removals.hurry()

    @override
    def stopService(self) -> Deferred[None]:
        """End the fork servers and their kernels; fires when they are gone and all is closed."""
        super().stopService()
        return self._servers.stop().addCallback(lambda _: self._close())

    def _close(self) -> None:
        self.zmq.shutdown()
        if self.network is not None:
            self.network.resolver.stop()
        self.removals.stop()
        self.directories.close()

    # --- the fork server

    def _event(self, line: dict[str, Any]) -> None:
        event, number = line.get("event"), _number(line, "id")
        kernel = None if number is None else self._kernels.get(number)
        if kernel is None:
            _log.warn("unexpected line from the fork server: {line}", line=line)
        elif event == "started":
            kernel.pid = _number(line, "pid")
        elif event == "near":
            kernel.limit_near(_word(line, "reason") or "", _number(line, "seconds") or 0)
        elif event == "exited":
            self._end(
                kernel,
                Exit(
                    status=_number(line, "status"),
                    signal=_number(line, "signal"),
                    reason=_word(line, "reason"),
                ),
            )
        elif event == "failed":
            self._fail(kernel, line.get("message"))
        else:
            _log.warn("unexpected line from the fork server: {line}", line=line)

    def _came_up(self, line: dict[str, Any]) -> None:
        self.environment = _word(line, "environment") or ""
        self.languages = _words(line, "languages")
        self.versions = _texts(line, "versions")
        self.features = _words(line, "features")
        self._log_ungrouped(line.get("ungrouped"))
        self._log_unbounded(_words(line, "unbounded"))
        if line.get("missing"):
            _log.warn("not installed, so not preloaded: {missing}", missing=line["missing"])
        self._up.fire(None)  # first: a start that fails below may cause another start
        while self._unsent:  # not a for loop: a start that fails may cancel another
            self._send_start(self._unsent.pop(0))

    def _log_ungrouped(self, why: object) -> None:
        """Log why kernels have no control groups, once and not for each fork server."""
        if isinstance(why, str) and why and why != self._ungrouped:
            _log.info("kernels have no cgroups of their own: {why}", why=why[:500])
            self._ungrouped = why

    def _log_unbounded(self, kinds: tuple[str, ...]) -> None:
        """Log the unbounded kinds of memory, once and not for each fork server."""
        if kinds and kinds != self.unbounded:
            _log.warn(
                "without cgroups, these kinds of kernels' memory are not bounded: {kinds}",
                kinds=", ".join(kinds),
            )
        self.unbounded = kinds

    def _lost(self) -> None:
        """The fork server has ended, and its kernels with it."""
        if self._up.fired:
            self._up = OneShot()
        sent = [kernel for kernel in self._kernels.values() if kernel not in self._unsent]
        for kernel in sent:
            _kill_group(kernel.pid)
            if kernel.server_lost():
                self._unsent.append(kernel)
            else:
                self._fail(kernel, "lost with its fork server")

    def _send_start(self, kernel: ForkedKernel) -> None:
        try:
            descriptors = kernel.prepare(self.network)
        except OSError as error:
            self._fail(kernel, f"cannot start: {error.strerror}")
            return
        start = StartCommand(
            kernel_id=kernel.number,
            limits=kernel_limits(self.limits),
            proxy=self.network is not None,
            ahead=kernel.ahead,
            hosts=() if self.network is None else tuple(self.network.allowed.names[:MOST_HOSTS]),
        )
        self._servers.send_command(descriptors, **start.line)

    def _given_up(self, kernel: ForkedKernel) -> None:
        """End a kernel whose start was cancelled."""
        if kernel in self._unsent:
            self._unsent.remove(kernel)
            self._end(kernel, Exit())
        else:
            kernel.kill()

    def _fail(self, kernel: ForkedKernel, why: object) -> None:
        """End a kernel that has no process, and log why."""
        _log.error(
            "{kernel}: kernel {number} failed: {why}",
            kernel=kernel.kernel_id,
            number=kernel.number,
            why=why,
        )
        self._end(kernel, Exit())

    def _end(self, kernel: ForkedKernel, how: Exit) -> None:
        if self._kernels.pop(kernel.number, None) is not None:
            kernel.ended(how)


def _number(line: dict[str, Any], name: str) -> int | None:
    value = line.get(name)
    return value if type(value) is int else None


def _words(line: dict[str, Any], name: str) -> tuple[str, ...]:
    value = line.get(name)
    return tuple(str(word)[:40] for word in value[:_WORDS]) if isinstance(value, list) else ()


def _texts(line: dict[str, Any], name: str) -> dict[str, str]:
    value = line.get(name)
    texts = list(value.items())[:_WORDS] if isinstance(value, dict) else []
    return {key[:40]: str(text)[:40] for key, text in texts}


def _word(line: dict[str, Any], name: str) -> str | None:
    value = line.get(name)
    return value if isinstance(value, str) else None


def _kill_group(pid: int | None) -> None:
    """Kill a kernel's process group, which its fork server can no longer do.

    The pid comes from the fork server, which is untrusted: 0 would be our own group, 1 everybody.
    """
    if pid is not None and pid > 1 and pid != os.getpgrp():
        with suppress(OSError):  # usually it has ended with the fork server
            os.killpg(pid, signal.SIGKILL)
