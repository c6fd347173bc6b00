"""Requests that are repeated while the store is away, within bounds."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.sessions.interfaces import StoreAway, StoreFull, StoreUnavailable
from sagecell_tx.store.waiting.retries import INTERVAL, Retries


class RetriesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.away = True
        self.made: list[str] = []
        self.retries = Retries(clock=self.clock, most=100, seconds=10.0)

    def request(self, name: str) -> Deferred[str]:
        self.made.append(name)
        return fail(StoreAway("away")) if self.away else succeed(name)

    def add(self, name: str) -> Deferred[str]:
        return self.retries.add(lambda: self.request(name))

    def test_they_are_made_in_order_once_the_store_is_back(self) -> None:
        answers = [self.add(name) for name in "abc"]
        self.clock.pump([INTERVAL] * 3)
        assert self.made == ["a", "a", "a"]  # the others would wait as well
        self.away = False
        self.clock.advance(INTERVAL)
        assert [self.successResultOf(answer) for answer in answers] == ["a", "b", "c"]
        assert self.clock.getDelayedCalls() == []

    def test_what_waits_for_too_long_fails(self) -> None:
        old = self.add("old")
        self.clock.advance(5.0)
        young = self.add("young")
        self.clock.pump([INTERVAL] * 5)
        self.failureResultOf(old, StoreAway)
        self.away = False
        self.clock.advance(INTERVAL)
        assert self.successResultOf(young) == "young"

    def test_other_failures_are_its_own(self) -> None:
        answer = self.retries.add(lambda: fail(StoreUnavailable("refused")))
        after = self.add("after")
        self.away = False
        self.clock.advance(INTERVAL)
        self.failureResultOf(answer, StoreUnavailable)
        assert self.successResultOf(after) == "after"

    def test_bytes_are_bounded(self) -> None:
        assert self.retries.reserve(60)
        assert not self.retries.reserve(41)
        assert self.retries.reserve(40)
        self.retries.release(60)
        assert self.retries.held == 40
        assert self.retries.reserve(60)

    def test_no_session_takes_the_room_of_all_others(self) -> None:
        for session, most in (("a", 50), ("b", 25), ("c", 12)):
            assert not self.retries.reserve(most + 1, session)
            assert self.retries.reserve(most, session)
            assert not self.retries.reserve(1, session)
        self.retries.release(50, "a")
        assert self.retries.reserve(19, "b")
        assert self.retries.held == 25 + 12 + 19

    def test_what_is_cancelled_is_not_made(self) -> None:
        answer, other = self.add("a"), self.add("b")
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.away = False
        self.clock.advance(INTERVAL)
        assert self.successResultOf(other) == "b"
        assert self.made == ["b"]

    def test_what_is_cancelled_while_it_is_made_is_made_once(self) -> None:
        made: list[Deferred[Any]] = []

        def begin() -> Deferred[Any]:
            made.append(Deferred())
            return made[-1]

        answer, other = self.retries.add(begin), self.add("b")
        self.away = False
        self.clock.advance(INTERVAL)
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        made[0].errback(StoreAway("away"))
        self.clock.advance(INTERVAL)
        assert len(made) == 1
        assert self.successResultOf(other) == "b"

    def test_one_that_is_being_made_is_not_given_up(self) -> None:
        made: Deferred[str] = Deferred()
        answer = self.retries.add(lambda: made)
        self.clock.pump([INTERVAL] * 20)
        self.assertNoResult(answer)
        made.callback("done")
        assert self.successResultOf(answer) == "done"

    def test_at_the_end_each_is_made_once_more(self) -> None:
        self.away = False
        answers = [self.add(name) for name in "ab"]
        self.successResultOf(self.retries.close())
        assert [self.successResultOf(answer) for answer in answers] == ["a", "b"]
        assert self.clock.getDelayedCalls() == []
        assert not self.retries.reserve(1)

    def test_a_store_that_is_full_is_tried_again(self) -> None:
        answers = [succeed("a"), *(fail(StoreFull("full")) for _ in range(5))]
        answer = self.retries.add(answers.pop)
        self.clock.pump([INTERVAL] * 5)
        self.assertNoResult(answer)
        self.clock.advance(INTERVAL)
        assert self.successResultOf(answer) == "a"

    def test_what_was_refused_by_a_full_store_for_too_long_fails_with_that(self) -> None:
        answer = self.retries.add(lambda: fail(StoreFull("full")))
        self.clock.pump([INTERVAL] * 12)
        self.failureResultOf(answer, StoreFull)

    def test_at_the_end_a_store_is_tried_again_for_a_while(self) -> None:
        self.retries.grace = 5.0
        answer = self.add("a")
        closed = self.retries.close()
        self.clock.pump([INTERVAL] * 3)
        self.assertNoResult(closed)
        self.away = False
        self.clock.advance(INTERVAL)
        self.successResultOf(closed)
        assert self.successResultOf(answer) == "a"
        assert self.clock.getDelayedCalls() == []

    def test_at_the_end_that_while_is_bounded(self) -> None:
        self.retries.grace = 5.0
        answer = self.add("a")
        closed = self.retries.close()
        self.clock.pump([INTERVAL] * 6)
        self.successResultOf(closed)
        self.failureResultOf(answer, StoreAway)
        assert self.clock.getDelayedCalls() == []

    def test_who_is_patient_waits_as_long_as_ever_at_the_end(self) -> None:
        self.retries.be_patient()
        old = self.add("old")
        self.clock.pump([INTERVAL] * 4)
        young = self.add("young")
        closed = self.retries.close()
        self.clock.pump([INTERVAL] * 7)
        self.failureResultOf(old, StoreAway)
        self.assertNoResult(young)
        self.away = False
        self.clock.advance(INTERVAL)
        self.successResultOf(closed)
        assert self.successResultOf(young) == "young"

    def test_at_the_end_nothing_waits_for_a_store_that_is_away(self) -> None:
        answers = [self.add(name) for name in "ab"]
        self.clock.advance(INTERVAL)
        self.successResultOf(self.retries.close())
        for answer in answers:
            self.failureResultOf(answer, StoreAway)
        assert self.clock.getDelayedCalls() == []
