"""A worker's process is replaced after a pause, stopped and drained."""

from __future__ import annotations

from twisted.logger import capturedLogs

from sagecell_tx.workers.process import PATIENCE
from sagecell_tx.workers.protocol import Drain, State, Wanted
from sagecell_tx.workers.worker import LONGEST_PAUSE, PAUSE, SOUND
from tests.workers.workercase import WorkerCase


class WorkerTests(WorkerCase):
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
