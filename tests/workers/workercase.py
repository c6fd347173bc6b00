"""A worker whose processes are in memory: the test plays what they say, and how they end."""

from __future__ import annotations

import os
from typing import Any

from attrs import define, field
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.limits import AdmissionLimits
from sagecell_tx.sessions.admission.places import place_pools
from sagecell_tx.workers.process import REST
from sagecell_tx.workers.worker import Worker


class LineReactor(Clock):
    """A clock, and the keeper's ends of the lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Any] = []

    def adoptStreamConnection(self, descriptor: int, family: int, factory: Any) -> None:  # noqa: N802
        os.fstat(descriptor)  # it is open
        protocol = factory.buildProtocol(None)
        protocol.makeConnection(StringTransport())
        self.lines.append(protocol)


@define(eq=False)
class WorkerDouble:
    """A worker's process."""

    protocol: Any
    line: Any
    follows: bool
    pid: int
    signals: list[str] = field(factory=list)
    gone: bool = False

    def signalProcess(self, name: str) -> None:  # noqa: N802
        if self.gone:
            raise ProcessExitedAlready
        self.signals.append(name)

    def end(self, status: int | None = 0, number: int | None = None) -> None:
        """End, with the pipes."""
        self.exit(status, number)
        self.protocol.processEnded(self.protocol_reason)

    protocol_reason: Any = None

    def exit(self, status: int | None = 0, number: int | None = None) -> None:
        """End; others have the pipes."""
        self.gone = True
        error = ProcessDone(0) if status == 0 else ProcessTerminated(status, number, None)
        self.protocol_reason = Failure(error)
        self.protocol.processExited(self.protocol_reason)


class WorkerCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = LineReactor()
        self.pools = place_pools(AdmissionLimits(kernels=1), self.reactor)
        self.processes: list[WorkerDouble] = []
        self.told: list[str] = []
        self.lines: list[str] = []
        self.failing = False
        self.restarts = True
        self.worker = Worker(
            reactor=self.reactor,
            node=9901,
            pools=self.pools,
            spawn=self.spawn,
            came_up=lambda: self.told.append("up"),
            has_ended=self.ended,
            drains=lambda: self.told.append("drains"),
            on_changed=lambda: None,
            relay=self.lines.append,
        )

    def spawn(self, protocol: ProcessProtocol, descriptor: int, follows: bool) -> None:
        os.fstat(descriptor)
        if self.failing:
            raise OSError(11, "no process can be started")
        process = WorkerDouble(protocol, self.reactor.lines[-1], follows, 100 + len(self.processes))
        protocol.makeConnection(process)
        self.processes.append(process)

    def ended(self, worker: Worker, failed: bool) -> None:
        self.told.append("failed" if failed else "ended")
        if self.restarts:
            worker.restart_later()

    def say(self, *requests: Any) -> None:
        for request in requests:
            self.processes[-1].line.dataReceived(request.line() + b"\n")

    def heard(self) -> bytes:
        value: bytes = self.processes[-1].line.transport.value()
        return value

    def tearDown(self) -> None:
        self.restarts = False
        stopped = self.worker.stop()
        if self.processes and not self.processes[-1].gone:
            self.processes[-1].end()
        self.reactor.advance(REST)
        self.successResultOf(stopped)
        assert self.reactor.getDelayedCalls() == []
        assert all(pool.is_empty for pool in self.pools.values())
