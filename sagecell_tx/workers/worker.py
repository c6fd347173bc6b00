"""One worker as the keeper sees it: a number, and one process after the other."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Factory, ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from sagecell_tx.process.logs import visible
from sagecell_tx.sessions.admission.places import PlacePool
from sagecell_tx.sessions.admission.visitors import Purpose
from sagecell_tx.sessions.waiters import OneShot
from sagecell_tx.workers.lines import WorkerLine
from sagecell_tx.workers.protocol import (
    DRAINING,
    UP,
    AliveAnswer,
    AliveQuestion,
    Answer,
    Drain,
    State,
    Wanted,
    parse_request,
)
from sagecell_tx.workers.sharing import Holdings
from sagecell_tx.workers.watch import Watch

_log = Logger()

#: Seconds before a worker's process is replaced: at first, and doubled for each one that lived shorter than `SOUND`.
PAUSE = 0.5
LONGEST_PAUSE = 30.0
SOUND = 30.0

#: Seconds that a process has to stop. It tells its clients why, and ends its kernels.
PATIENCE = 25.0

#: Seconds for the rest of its log after its end.
REST = 1.0

#: Characters of a line of a log.
_LONGEST = 256 * 1024


@define(kw_only=True, eq=False)
class Worker:
    """Starts processes by `spawn`, with the number `node`.

    `spawn` is called with the protocol, the descriptor of the worker's end of the line, and whether
    it replaces another one. `came_up` is called when it is ready, `has_ended` when it has ended by
    itself with whether it had failed to start, `drains` when it has begun to drain, and `relay` with
    each line of its log.
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
    _run: WorkerProcess | None = field(default=None, init=False)
    _runs: int = field(default=0, init=False)
    _short: int = field(default=0, init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)
    _is_stopping: bool = field(default=False, init=False)
    _wanted: int = field(default=0, init=False)

    @property
    def is_alive(self) -> bool:
        """Whether it has a process, or will have one."""
        return self._run is not None or self._timer is not None

    @property
    def is_up(self) -> bool:
        """Whether its process is ready."""
        return self._run is not None and self._run.is_up

    @property
    def pid(self) -> int | None:
        """The process id; None if it has no process."""
        return None if self._run is None else self._run.pid

    def start(self) -> None:
        """Start a process."""
        self._timer = None
        run = WorkerProcess(self, self.reactor.seconds())
        try:
            self._spawn(run)
        except OSError:
            _log.failure("web process {node} could not be started", node=self.node)
            run.give_up()
            self._short += 1
            self.restart_later()
            return
        self._run, self._runs = run, self._runs + 1
        if self._wanted:
            run.send(Wanted(self._wanted))

    def _spawn(self, run: WorkerProcess) -> None:
        """Start a process, with a line to it. Raises OSError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours, theirs:
            for end in (ours, theirs):
                end.setblocking(False)
            run.connect(self.reactor, ours)
            self.spawn(run, theirs.fileno(), self._runs > 0)

    def restart_later(self) -> None:
        """Start another process after a pause."""
        pause = min(LONGEST_PAUSE, PAUSE * 2 ** min(self._short, 16))
        _log.warn("web process {node} starts again in {pause} s", node=self.node, pause=pause)
        self._timer = self.reactor.callLater(pause, self.start)

    def stop(self) -> Deferred[None]:
        """Let the process stop in order; fires when it has ended."""
        self._is_stopping = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._run is None:
            return succeed(None)
        self._run.stop(PATIENCE)
        return self._run.ended.when_fired()

    def drain(self) -> None:
        """Let the process admit nobody more. One that has ended is not replaced, and one that is not up stops."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._run is None:
            return
        if self._run.is_up:
            self._run.send(Drain())
        else:
            self._run.stop(PATIENCE)  # it has nothing yet, and may never come up

    def tell_wanted(self, count: int) -> None:
        """So many of its kernels that nobody needs should make room."""
        self._wanted = count
        if self._run is not None:
            self._run.send(Wanted(count))

    # --- for its process

    def up(self) -> None:
        """The process is ready."""
        self.was_up = True
        self.came_up()

    def ended(self, run: WorkerProcess, reason: Failure) -> None:
        """The process has ended."""
        self._run = None
        lived = self.reactor.seconds() - run.began
        self._short = 0 if lived >= SOUND and run.was_up else self._short + 1
        failed = isinstance(reason.value, ProcessTerminated) and reason.value.exitCode == 1
        if not self._is_stopping:
            _log.info(
                "web process {node}, number {number}, has ended: {why}",
                node=self.node,
                number=run.pid,
                why=_how(reason),
            )
            self.has_ended(self, failed)


@define(eq=False)
class WorkerProcess(ProcessProtocol):
    """One process of a worker, from its start to its end."""

    _worker: Worker
    began: float
    was_up: bool = field(default=False, init=False)
    ended: OneShot[None] = field(factory=OneShot, init=False)
    transport: Any = field(default=None, init=False)
    pid: int | None = field(default=None, init=False)
    _lines: WorkerLine = field(init=False)
    _holdings: Holdings = field(init=False)
    _watch: Watch = field(init=False)
    _text: bytes = field(default=b"", init=False)
    _killing: IDelayedCall | None = field(default=None, init=False)
    _rest: IDelayedCall | None = field(default=None, init=False)
    _is_over: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._lines = WorkerLine(self._receive, self._line_ended)
        self._holdings = Holdings(
            pools=self._worker.pools, send=self.send, on_changed=self._worker.on_changed
        )
        self._watch = Watch(
            clock=self._worker.reactor,
            ask=lambda number: self.send(AliveQuestion(number)),
            on_hung=self._hangs,
        )

    @property
    def is_up(self) -> bool:
        """Whether it is ready, and lives."""
        return self.was_up and not self._is_over

    def connect(self, reactor: Any, end: socket.socket) -> None:
        """Speak over this end of the line, of which a copy is kept."""
        factory = Factory.forProtocol(lambda: self._lines)
        factory.noisy = False
        reactor.adoptStreamConnection(end.fileno(), socket.AF_UNIX, factory)

    def give_up(self) -> None:
        """There is no process."""
        self._is_over = True
        self._lines.cut()
        self._holdings.end()

    def send(self, answer: Answer) -> None:
        """Send something, unless the line has ended."""
        self._lines.send(answer.line())

    def stop(self, patience: float) -> None:
        """Let it stop, and kill it if it has not within so many seconds. Harmless if repeated."""
        self._watch.stop()
        if self._killing is None and not self._is_over:
            self._signal("TERM")
            self._killing = self._worker.reactor.callLater(patience, self._kill)

    def _hangs(self) -> None:
        _log.error("web process {node} hangs, and is killed", node=self._worker.node)
        self._signal("KILL")

    def _kill(self) -> None:
        _log.error("web process {node} does not stop, and is killed", node=self._worker.node)
        self._signal("KILL")

    def _signal(self, name: str) -> None:
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess(name)

    def _receive(self, line: bytes) -> None:
        request = parse_request(line)
        if isinstance(request, AliveAnswer):
            self._watch.answered(request.number)
        elif not isinstance(request, State):
            self._holdings.receive(request)
        elif request.name == UP and not self.was_up:
            self.was_up = True
            self._watch.start()
            self._worker.up()
        elif request.name == DRAINING:
            self._worker.drains()

    def _line_ended(self) -> None:
        """The line ends with the process; one that goes on without it would get no place again."""
        self.stop(PATIENCE)

    # --- ProcessProtocol

    @override
    def connectionMade(self) -> None:
        """It has been started. At its end, the transport forgets its number."""
        self.pid = self.transport.pid

    @override
    def outReceived(self, data: bytes) -> None:
        """A part of its log."""
        *lines, self._text = (self._text + data).split(b"\n")
        for line in lines:
            self._relay(line)
        if len(self._text) > _LONGEST:
            self._relay(self._text)
            self._text = b""

    @override
    def errReceived(self, data: bytes) -> None:
        """What it says where it cannot log."""
        self.outReceived(data)

    def _relay(self, line: bytes) -> None:
        text = line.decode("utf-8", "backslashreplace")
        tab = "\t" if text.startswith("\t") else ""  # as a record of several lines continues
        self._worker.relay(tab + visible(text.removeprefix("\t")))

    @override
    def processExited(self, reason: Failure) -> None:
        """It has ended. Its children may have its pipes open: no end of them is waited for long."""
        self._is_over = True
        self._watch.stop()
        if self._killing is not None and self._killing.active():
            self._killing.cancel()
        self._rest = self._worker.reactor.callLater(REST, self._end, reason)

    @override
    def processEnded(self, reason: Failure) -> None:
        """Its pipes are closed as well."""
        if self._rest is not None and self._rest.active():
            self._rest.cancel()
            self._end(reason)

    def _end(self, reason: Failure) -> None:
        if self._text:
            self._relay(self._text)
        self._lines.cut()
        self._holdings.end()
        self._worker.ended(self, reason)
        self.ended.fire(None)


def _how(reason: Failure) -> str:
    """How a process has ended."""
    error = reason.value
    if isinstance(error, ProcessDone):
        return "by itself"
    if isinstance(error, ProcessTerminated) and error.signal is not None:
        return f"by signal {signal.Signals(error.signal).name}"
    return f"with status {getattr(error, 'exitCode', None)}"


def environment(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables for a worker: what systemd tells is for the keeper alone."""
    own = (
        "NOTIFY_SOCKET",
        "LISTEN_PID",
        "LISTEN_FDS",
        "LISTEN_FDNAMES",
        "WATCHDOG_USEC",
        "WATCHDOG_PID",
    )
    return {name: value for name, value in variables.items() if name not in own}
