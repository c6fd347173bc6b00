"""A worker's process is started, replaced after a pause, and stopped; what it had is free."""

from __future__ import annotations

import json
import os
from typing import Any

from attrs import define, field
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.limits import AdmissionLimits
from sagecell_tx.sessions.admission.places import place_pools
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor
from sagecell_tx.workers.protocol import AliveAnswer, Ask, Drain, State, Wanted
from sagecell_tx.workers.watch import BEAT, MISSED
from sagecell_tx.workers.worker import (
    LONGEST_PAUSE,
    PATIENCE,
    PAUSE,
    REST,
    SOUND,
    Worker,
    environment,
)


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


class WorkerTests(SynchronousTestCase):
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

    def test_one_comes_up(self) -> None:
        self.worker.start()
        assert (self.worker.is_alive, self.worker.is_up) == (True, False)
        self.say(State("up"), State("up"))
        assert (self.told, self.worker.is_up, self.worker.pid) == (["up"], True, 100)
        self.say(State("draining"), State("stopping"))
        assert self.told == ["up", "drains"]

    def test_one_that_ends_is_replaced_after_a_pause_that_grows(self) -> None:
        self.worker.start()
        pauses = []
        for round_ in range(8):
            assert self.processes[-1].follows == (round_ > 0)
            with capturedLogs():
                self.processes[-1].end(None, 9)
            assert self.worker.is_alive
            (call,) = self.reactor.getDelayedCalls()
            pauses.append(call.getTime() - self.reactor.seconds())
            self.reactor.advance(pauses[-1])
        assert pauses[0] <= 2 * PAUSE
        assert pauses == sorted(pauses)
        assert pauses[-1] == LONGEST_PAUSE
        self.say(State("up"))
        self.reactor.advance(SOUND)
        with capturedLogs():
            self.processes[-1].end(None, 9)
        (call,) = self.reactor.getDelayedCalls()
        assert call.getTime() - self.reactor.seconds() == PAUSE

    def test_its_places_are_free_when_it_has_ended(self) -> None:
        self.worker.start()
        self.say(Ask(1, Visitor(), 60.0), Ask(2, Visitor(), 60.0))
        assert b'{"granted":1}\n' in self.heard()
        assert self.pools[Purpose.KERNEL].taken == 1
        with capturedLogs():
            self.processes[0].exit(None, 9)
            assert self.pools[Purpose.KERNEL].taken == 1
            self.reactor.advance(REST)  # its fork server still has the pipes
        assert all(pool.is_empty for pool in self.pools.values())
        assert self.told == ["ended"]
        self.processes[0].protocol.processEnded(None)
        assert self.told == ["ended"]

    def test_one_that_says_nonsense_is_stopped(self) -> None:
        self.worker.start()
        with capturedLogs():
            self.processes[0].line.dataReceived(b"nonsense\n")
            self.processes[0].line.connectionLost()
            assert self.processes[0].signals == ["TERM"]
            self.reactor.advance(PATIENCE)
            assert self.processes[0].signals == ["TERM", "KILL"]

    def test_one_that_hangs_is_killed(self) -> None:
        self.worker.start()
        self.say(State("up"))
        for _ in range(2 * MISSED):
            self.reactor.advance(BEAT)
            *_, asked = self.heard().splitlines()
            self.say(AliveAnswer(json.loads(asked)["ping"]))
        assert self.processes[0].signals == []
        with capturedLogs() as events:
            self.reactor.pump([BEAT] * (MISSED + 1))
        assert self.processes[0].signals == ["KILL"]
        assert len(events) == 1

    def test_one_whose_line_has_ended_is_stopped_once(self) -> None:
        self.worker.start()
        self.processes[0].line.connectionLost()
        self.reactor.advance(PATIENCE - 1)
        stopped = self.worker.stop()
        with capturedLogs() as events:
            self.reactor.advance(2)
        assert self.processes[0].signals == ["TERM", "KILL"]
        assert len(events) == 1
        self.processes[0].end(None, 9)
        self.successResultOf(stopped)

    def test_one_that_fails_to_start_is_told_apart(self) -> None:
        self.restarts = False
        self.worker.start()
        with capturedLogs():
            self.processes[0].protocol.errReceived(b"sagecell-tx: sandbox: no such level\n")
            self.processes[0].end(1)
        assert self.told == ["failed"]
        assert self.lines == ["sagecell-tx: sandbox: no such level"]
        assert not self.worker.is_alive

    def test_one_that_cannot_be_spawned_is_tried_again(self) -> None:
        self.failing = True
        self.worker.start()
        assert len(self.flushLoggedErrors(OSError)) == 1
        assert self.worker.is_alive
        assert self.processes == []
        self.failing = False
        self.reactor.advance(LONGEST_PAUSE)
        assert len(self.processes) == 1

    def test_stopping_waits_for_its_end(self) -> None:
        self.worker.start()
        stopped = self.worker.stop()
        self.assertNoResult(stopped)
        assert self.processes[0].signals == ["TERM"]
        self.processes[0].end()
        self.successResultOf(stopped)
        assert self.told == []

    def test_draining_and_making_room_are_told(self) -> None:
        self.worker.start()
        self.say(State("up"))
        self.worker.tell_wanted(2)
        self.worker.drain()
        assert self.heard() == b"%b\n%b\n" % (Wanted(2).line(), Drain().line())

    def test_a_drain_stops_one_that_is_not_up(self) -> None:
        self.worker.start()
        self.worker.drain()
        assert (self.processes[0].signals, self.heard()) == (["TERM"], b"")
        with capturedLogs():
            self.reactor.advance(PATIENCE)
        assert self.processes[0].signals == ["TERM", "KILL"]

    def test_a_new_process_hears_what_is_wanted_and_no_other_one_follows_a_drain(self) -> None:
        self.worker.start()
        self.worker.tell_wanted(1)
        with capturedLogs():
            self.processes[0].end(None, 9)
            self.reactor.advance(LONGEST_PAUSE)
        assert self.heard() == Wanted(1).line() + b"\n"
        with capturedLogs():
            self.processes[1].end(None, 9)
        self.worker.drain()
        assert not self.worker.is_alive

    def test_its_log_is_relayed_by_lines(self) -> None:
        self.worker.start()
        protocol = self.processes[0].protocol
        for part in (b"one\ntw", b"o\n\tmore of it\nbell \x07 \xff\n", b"the rest"):
            protocol.outReceived(part)
        assert self.lines == ["one", "two", "\tmore of it", "bell \\x07 \\xff"]
        self.processes[0].end()
        assert self.lines[-1] == "the rest"


def test_systemd_talks_to_the_keeper_alone() -> None:
    variables = {"HOME": "/", "NOTIFY_SOCKET": "/run/n", "LISTEN_FDS": "1", "LISTEN_PID": "5"}
    assert environment(variables) == {"HOME": "/"}
