"""One process of a worker: its line to the keeper, its log, what it holds, and its end."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from attrs import define, field
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
    State,
    parse_request,
)
from sagecell_tx.workers.sharing import Holdings
from sagecell_tx.workers.watch import Watch

_log = Logger()

#: Seconds that a process has to stop. It tells its clients why, and ends its kernels.
PATIENCE = 25.0

#: Seconds after its end for reading the rest of its log. Its children may keep the pipes open.
REST = 1.0

#: Bytes of a line of its log; a longer one is relayed in pieces.
_LONGEST = 256 * 1024


@define(kw_only=True, eq=False)
class WorkerProcess(ProcessProtocol):
    """One process of the worker `node`, from its start to its end. What it holds of `pools` is free then.

    `came_up` is called once, when it is ready, `drains` when it has begun to drain, `relay` with each
    line of its log, and `has_ended` at the end, with this object and the reason of Twisted.
    `on_changed` is that of `Holdings`.
    """

    reactor: Any
    node: int
    pools: Mapping[Purpose, PlacePool]
    on_changed: Callable[[], None]
    came_up: Callable[[], None]
    drains: Callable[[], None]
    relay: Callable[[str], None]
    has_ended: Callable[[WorkerProcess, Failure], None]
    began: float = field(init=False)
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
        self.began = self.reactor.seconds()
        self._lines = WorkerLine(self._receive, self._line_ended)
        self._holdings = Holdings(pools=self.pools, send=self.send, on_changed=self.on_changed)
        self._watch = Watch(
            clock=self.reactor,
            ask=lambda number: self.send(AliveQuestion(number)),
            on_hung=self._hangs,
        )

    @property
    def is_up(self) -> bool:
        """Whether it is ready, and lives."""
        return self.was_up and not self._is_over

    def connect(self, end: socket.socket) -> None:
        """Speak over this end of the line; the socket is copied."""
        factory = Factory.forProtocol(lambda: self._lines)
        factory.noisy = False
        self.reactor.adoptStreamConnection(end.fileno(), socket.AF_UNIX, factory)

    def not_started(self) -> None:
        """It could not be started."""
        self._is_over = True
        self._lines.cut()
        self._holdings.end()

    def send(self, answer: Answer) -> None:
        """Send something, unless the line has ended."""
        self._lines.send(answer.line())

    def stop(self) -> None:
        """Ask it to stop, and kill it if it has not after `PATIENCE`. Harmless if repeated."""
        self._watch.stop()
        if self._killing is None and not self._is_over:
            self._signal("TERM")
            self._killing = self.reactor.callLater(PATIENCE, self._kill)

    def _hangs(self) -> None:
        _log.error("web process {node} hangs, and is killed", node=self.node)
        self._signal("KILL")

    def _kill(self) -> None:
        _log.error("web process {node} does not stop, and is killed", node=self.node)
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
            self.came_up()
        elif request.name == DRAINING:
            self.drains()

    def _line_ended(self) -> None:
        """The line ends with the process; one that goes on without it would get no place again."""
        self.stop()

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
        self.relay(tab + visible(text.removeprefix("\t")))

    @override
    def processExited(self, reason: Failure) -> None:
        """It has ended. Its children may have its pipes open: no end of them is waited for long."""
        self._is_over = True
        self._watch.stop()
        if self._killing is not None and self._killing.active():
            self._killing.cancel()
        self._rest = self.reactor.callLater(REST, self._end, reason)

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
        self.has_ended(self, reason)
        self.ended.fire(None)


def how_it_ended(reason: Failure) -> str:
    """How a process has ended, for the log."""
    error = reason.value
    if isinstance(error, ProcessDone):
        return "by itself"
    if isinstance(error, ProcessTerminated) and error.signal is not None:
        return f"by signal {signal.Signals(error.signal).name}"
    return f"with status {getattr(error, 'exitCode', None)}"


def environment(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment variables of a worker's process: those that systemd sets are for the keeper alone."""
    own = (
        "NOTIFY_SOCKET",
        "LISTEN_PID",
        "LISTEN_FDS",
        "LISTEN_FDNAMES",
        "WATCHDOG_USEC",
        "WATCHDOG_PID",
    )
    return {name: value for name, value in variables.items() if name not in own}
