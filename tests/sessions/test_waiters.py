"""Deferreds for an event that happens once."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.sessions.waiters import OneShot


class OneShotTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.event: OneShot[str] = OneShot()

    def test_each_who_waits_is_told(self) -> None:
        waiters = [self.event.when_fired() for _ in range(3)]
        assert waiters[0] is not waiters[1]
        for waiter in waiters:
            self.assertNoResult(waiter)
        assert not self.event.fired

        self.event.fire("done")

        assert [self.successResultOf(waiter) for waiter in waiters] == ["done"] * 3
        assert self.event.fired

    def test_who_comes_later_is_told_at_once(self) -> None:
        self.event.fire("done")

        assert self.successResultOf(self.event.when_fired()) == "done"
        assert self.successResultOf(self.event.when_fired()) == "done"

    def test_none_is_a_result(self) -> None:
        event: OneShot[None] = OneShot()
        event.fire(None)

        assert event.fired
        assert self.successResultOf(event.when_fired()) is None

    def test_only_the_first_result_counts(self) -> None:
        waiter = self.event.when_fired()
        self.event.fire("first")
        self.event.fire("second")

        assert self.successResultOf(waiter) == "first"
        assert self.successResultOf(self.event.when_fired()) == "first"

    def test_one_who_gives_up_keeps_nobody_else_from_it(self) -> None:
        first, second = self.event.when_fired(), self.event.when_fired()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertNoResult(second)

        self.event.fire("done")

        assert self.successResultOf(second) == "done"

    def test_one_who_is_told_may_cancel_another(self) -> None:
        first, second, third = (self.event.when_fired() for _ in range(3))

        def cancel(_: str) -> None:
            second.cancel()

        first.addCallback(cancel)
        self.event.fire("done")

        self.failureResultOf(second, CancelledError)
        assert self.successResultOf(third) == "done"

    def test_one_who_is_told_may_wait_again(self) -> None:
        again: list[Deferred[str]] = []
        self.event.when_fired().addCallback(lambda _: again.append(self.event.when_fired()))
        self.event.fire("done")

        assert self.successResultOf(again[0]) == "done"
