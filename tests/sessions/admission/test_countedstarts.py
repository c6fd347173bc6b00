"""A start counts as one in progress until its first result, but not while its client is waited for."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.sessions.admission.countedstarts import FIRST_RESULT, CountedStarts
from sagecell_tx.sessions.admission.starts import Starts


class CountedStartsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.starts = Starts(at_once=1, each=1, clock=self.clock)
        self.first, self.second = self.of("a"), self.of("b")

    def of(self, who: str) -> CountedStarts:
        return CountedStarts(starts=self.starts, who=who, clock=self.clock)

    def wait(self) -> Deferred[None]:
        """The second one waits for its turn."""
        turn = self.second.turn(60)
        self.assertNoResult(turn)
        return turn

    def test_nobody_counts_while_the_client_is_waited_for(self) -> None:
        self.successResultOf(self.first.turn(60))
        waiting = self.wait()
        self.first.up()
        self.successResultOf(waiting)

    def test_its_first_request_counts_until_it_is_over(self) -> None:
        self.first.up()  # as one that was ready
        self.first.request_began()
        waiting = self.wait()
        self.first.over()
        self.successResultOf(waiting)
        assert self.clock.getDelayedCalls() == []

    def test_a_first_request_that_takes_long_counts_for_a_while(self) -> None:
        self.first.up()
        self.first.request_began()
        waiting = self.wait()
        self.clock.advance(FIRST_RESULT)
        self.successResultOf(waiting)
        self.first.over()  # frees nothing a second time
        self.assertNoResult(self.of("c").turn(60))

    def test_later_requests_do_not_count(self) -> None:
        self.first.up()
        for _ in range(2):
            self.first.request_began()
            self.first.over()
        self.first.request_began()
        self.successResultOf(self.second.turn(60))

    def test_a_request_during_the_start_is_a_part_of_it(self) -> None:
        self.successResultOf(self.first.turn(60))
        self.first.request_began()
        waiting = self.wait()
        self.first.up()
        self.successResultOf(waiting)

    def test_a_failed_start_counts_until_it_is_over(self) -> None:
        self.successResultOf(self.first.turn(60))
        waiting = self.wait()
        for _ in range(2):
            self.first.over()
        self.successResultOf(waiting)
        self.assertNoResult(self.of("c").turn(60))

    def test_a_restart_waits_for_no_first_result_of_its_own(self) -> None:
        self.successResultOf(self.first.turn(60))
        self.first.up()
        self.first.request_began()
        self.successResultOf(self.first.turn(60))
        waiting = self.wait()
        self.first.up()
        self.successResultOf(waiting)

    def test_who_gives_up_the_turn_has_none(self) -> None:
        self.successResultOf(self.first.turn(60))
        waiting = self.wait()
        waiting.addErrback(lambda _: None).cancel()
        self.second.over()
        self.assertNoResult(self.of("c").turn(60))
