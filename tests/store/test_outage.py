"""A server that is away: it is asked until it answers, and nobody else waits for it."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.sessions.interfaces import StoreAway
from sagecell_tx.store.outage import INTERVAL, Outage


class OutageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.asked: list[Deferred[None]] = []
        self.outage = Outage(clock=self.clock, ask=self.ask)

    def ask(self) -> Deferred[None]:
        answer: Deferred[None] = Deferred()
        self.asked.append(answer)
        return answer

    def test_it_is_asked_at_once_and_then_each_second(self) -> None:
        self.outage.begin("no route")
        self.clock.advance(0)
        for number in range(1, 4):
            assert (len(self.asked), self.outage.lasts) == (number, True)
            self.asked[-1].errback(StoreAway())
            self.clock.advance(INTERVAL)
        self.asked[-1].callback(None)
        assert not self.outage.lasts
        assert self.clock.getDelayedCalls() == []

    def test_one_question_at_a_time(self) -> None:
        self.outage.begin("no route")
        self.clock.advance(0)
        self.outage.begin("no route")
        self.clock.advance(10 * INTERVAL)
        assert len(self.asked) == 1

    def test_the_log_has_a_line_for_the_beginning_and_one_for_the_end(self) -> None:
        with capturedLogs() as logs:
            for _ in range(100):
                self.outage.begin("no route")
            self.clock.advance(0)
            self.asked[-1].errback(StoreAway())
            self.clock.advance(INTERVAL)
            self.asked[-1].callback(None)
        assert [event["log_format"] for event in logs] == [
            "the database is away: {why}",
            "the database is back after {seconds:.1f} s",
        ]
        assert (logs[0]["why"], logs[1]["seconds"]) == ("no route", INTERVAL)

    def test_it_may_go_away_again(self) -> None:
        for number in range(1, 3):
            self.outage.begin("no route")
            self.clock.advance(0)
            self.asked[-1].callback(None)
            assert len(self.asked) == number
            assert not self.outage.lasts

    def test_nothing_is_asked_after_the_end(self) -> None:
        self.outage.begin("no route")
        self.outage.close()
        assert self.clock.getDelayedCalls() == []
        self.outage = Outage(clock=self.clock, ask=self.ask)
        self.outage.begin("no route")
        self.clock.advance(0)
        self.outage.close()
        self.asked[-1].errback(StoreAway())
        assert self.clock.getDelayedCalls() == []
