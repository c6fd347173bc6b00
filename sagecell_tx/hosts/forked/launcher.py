"""Starts kernels' processes on this machine, forked from one process that has everything imported.

`ForkLauncher` keeps a fork server running; each kernel's process is a `LaunchedProcess` from its start
until its directory is gone. It is half of the host of this machine's kernels, and all that an agent
has on another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from typing_extensions import override

from sagecell_tx.config import ConfigError
from sagecell_tx.hosts.directories.removals import Removals
from sagecell_tx.hosts.directories.workdir import WorkDirs
from sagecell_tx.hosts.forked.installed import InstalledProcess
from sagecell_tx.hosts.forked.process import LaunchedProcess, MachineResources
from sagecell_tx.hosts.forked.protocol import command
from sagecell_tx.hosts.forked.python import KernelPython, Run
from sagecell_tx.hosts.forked.sandbox import Sandbox
from sagecell_tx.hosts.forked.supervisor import ForkServers
from sagecell_tx.hosts.kernels.processes import Trouble
from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.hosts.network.egress import Network
from sagecell_tx.kernelside.startcommand import KernelLimits
from sagecell_tx.process.resources import available_memory
from sagecell_tx.sessions.interfaces import Exit, HostStatus
from sagecell_tx.sessions.waiters import OneShot

_log = Logger()

#: The most words that are taken from one list of the fork server's, which is not trusted.
_WORDS = 20


@define(kw_only=True, eq=False)
class ForkLauncher(Service):
    """A fork server and the processes of its kernels, which the fork server knows only by number.

    Kernels have the Python `python` with `preload` imported, or become the programs of installed
    kernelspecs; see `InstalledProcess`. Directories are removed in `removers`, a pool that is not
    started yet. With `spare`, a second fork server is kept loaded, so that kernels can be started at
    once after the first one has died. One that does not answer for `patience`, in seconds, is killed.
    `try_level` runs the program that tries levels of confinement; see `hosts.forked.sandbox`.
    `network` is the kernels' access to the network, if they have any. With `picture_files`, the
    plots of kernels are files as well.
    """

    reactor: Any
    removers: Any  # a ThreadPool
    directories: WorkDirs
    preload: tuple[str, ...]
    spare: bool
    patience: float
    sandbox: Sandbox
    try_level: Run
    network: Network | None = None
    python: KernelPython = field(factory=KernelPython)
    picture_files: bool = False
    environment: str = field(default="", init=False)  # as in `HostStatus`
    languages: tuple[str, ...] = field(default=(), init=False)  # as in `HostStatus`
    versions: Mapping[str, str] = field(factory=dict, init=False)  # as in `HostStatus`
    features: tuple[str, ...] = field(default=(), init=False)  # as in `HostStatus`
    unbounded: tuple[str, ...] = field(default=(), init=False)  # kinds of memory
    removals: Removals = field(init=False)
    _resources: MachineResources = field(init=False)
    _servers: ForkServers = field(init=False)
    _left: list[Path] = field(factory=list, init=False)  # of an earlier run
    _up: OneShot[None] = field(factory=OneShot, init=False)  # of this fork server, or the next
    _ungrouped: str = field(default="", init=False)  # the sentence that was logged last
    _numbers: Iterator[int] = field(factory=lambda: count(1), init=False)
    _processes: dict[int, LaunchedProcess] = field(factory=dict, init=False)  # begun, and not ended
    _unsent: list[LaunchedProcess] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        self.removals = Removals(
            reactor=self.reactor, threads=self.removers, remove=self.directories.remove
        )
        self._resources = MachineResources(
            reactor=self.reactor, removals=self.removals, network=self.network
        )
        self._servers = ForkServers(
            reactor=self.reactor,
            spare=self.spare,
            available=available_memory,
            patience=self.patience,
            came_up=self._came_up,
            event=self._event,
            lost=self._lost,
        )

    def make(
        self,
        *,
        key: bytes,
        limits: KernelLimits,
        ahead: bool = False,
        installed: InstalledSpec | None = None,
    ) -> LaunchedProcess:
        """A process with a directory and a number, which is not begun yet; raises OSError.

        It has to be begun. `key` signs its messages; for `ahead` see `Host.start`.
        """
        number = next(self._numbers)
        make = (
            LaunchedProcess if installed is None else partial(InstalledProcess, installed=installed)
        )
        return make(
            number=number,
            directory=self.directories.make(),
            key=key,
            limits=limits,
            ahead=ahead,
            resources=self._resources,
            send_command=partial(self._servers.send_command, id=number),
            on_begin=self._begin,
            on_kill=self._kill,
        )

    def _begin(self, process: LaunchedProcess) -> None:
        self._processes[process.number] = process
        if self._up.fired:
            self._send_start(process)
        else:
            self._unsent.append(process)

    def _kill(self, process: LaunchedProcess) -> None:
        if process in self._unsent:
            self._unsent.remove(process)
            self._end(process, Exit())
        else:
            process.send_command(op="stop")

    # --- the service

    @property
    def status(self) -> HostStatus:
        """What it is for kernels; the messages that were dropped are not known here."""
        return HostStatus(
            sandbox=self.sandbox.level,
            environment=self.environment,
            languages=self.languages,
            versions=self.versions,
            starting=not self._up.fired,
            features=self.features,
            unbounded=self.unbounded,
        )

    @property
    def pids(self) -> dict[str, int]:
        """The first processes of all kernels that have one, by the kernels' names in the log."""
        return {
            each.observer.kernel_id: each.pid
            for each in self._processes.values()
            if each.pid is not None
        }

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
        if self.network is not None:
            self.network.resolver.stop()
        self.removals.stop()
        self.directories.close()

    # --- the fork server

    def _event(self, line: dict[str, Any]) -> None:
        event, number = line.get("event"), _number(line, "id")
        process = None if number is None else self._processes.get(number)
        if process is None:
            _log.warn("unexpected line from the fork server: {line}", line=line)
        elif event == "started":
            process.pid = _number(line, "pid")
        elif event == "near":
            process.observer.limit_near(_word(line, "reason") or "", _number(line, "seconds") or 0)
        elif event == "exited":
            self._end(
                process,
                Exit(
                    status=_number(line, "status"),
                    signal=_number(line, "signal"),
                    reason=_word(line, "reason"),
                ),
            )
        elif event == "failed":
            self._fail(process, str(line.get("message"))[:500])
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
        sent = [each for each in self._processes.values() if each not in self._unsent]
        for process in sent:
            if process.server_lost():
                self._unsent.append(process)
            else:
                self._fail(process, "lost with its fork server")

    def _send_start(self, process: LaunchedProcess) -> None:
        try:
            descriptors = process.prepare()
        except OSError as error:
            self._fail(process, f"cannot start: {error.strerror}")
            return
        self._servers.send_command(descriptors, **process.command.line)

    def _fail(self, process: LaunchedProcess, why: str) -> None:
        """End a kernel that has no process, and report why."""
        process.observer.troubled(Trouble.FAILED, why)
        self._end(process, Exit())

    def _end(self, process: LaunchedProcess, how: Exit) -> None:
        if self._processes.pop(process.number, None) is not None:
            process.ended(how)


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
