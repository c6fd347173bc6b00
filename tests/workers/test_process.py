"""A worker's process is killed if it hangs or does not stop; its log is relayed, and what it had is free at its end."""

from __future__ import annotations

import json

from twisted.logger import capturedLogs

from sagecell_tx.sessions.admission.visitors import Purpose, Visitor
from sagecell_tx.workers.process import PATIENCE, REST, environment
from sagecell_tx.workers.protocol import AliveAnswer, Ask, State
from sagecell_tx.workers.watch import BEAT, MISSED
from tests.workers.workercase import WorkerCase


class WorkerProcessTests(WorkerCase):
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
