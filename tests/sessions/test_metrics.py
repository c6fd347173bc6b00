"""What is counted: values in intervals, messages by channel, operations of stores."""

from __future__ import annotations

import attrs
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.sessions.interfaces import StoreFull, StoreUnavailable
from sagecell_tx.sessions.metrics import Histogram, Latencies, Tally, Traffic
from sagecell_tx.wire.messages import IOPUB, SHELL, WireError
from tests.sessions.samples import code


def test_a_value_counts_below_each_bound_that_it_does_not_exceed() -> None:
    histogram = Histogram((0.5, 1.0))
    for value in (0.0, 0.5, 0.75, 1.0, 7.0):
        histogram.observe(value)
    assert histogram.cumulative == [(0.5, 2), (1.0, 4), (float("inf"), 5)]
    assert histogram.count == 5
    assert histogram.total == 9.25


@given(st.lists(st.floats(min_value=0, max_value=100)))
def test_every_value_is_below_the_last_bound(values: list[float]) -> None:
    histogram = Histogram((0.1, 1.0, 10.0))
    for value in values:
        histogram.observe(value)
    for bound, count in histogram.cumulative:
        assert count == sum(value <= bound for value in values)
    assert histogram.count == len(values)


def test_messages_are_counted_by_channel_and_direction() -> None:
    traffic, message = Traffic(), code("1+1")
    traffic.sent(message)
    traffic.sent(message)
    traffic.received(attrs.evolve(message, channel=IOPUB))
    assert traffic.to_kernels[SHELL] == Tally(2, 2 * message.size)
    assert traffic.from_kernels[IOPUB] == Tally(1, message.size)
    assert traffic.from_kernels[SHELL] == Tally()


class LatenciesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.latencies = Latencies(self.clock.seconds, bounds=(1.0,))

    def begin(self) -> Deferred[str]:
        return self.latencies.timed("read", Deferred())

    def test_an_operation_counts_when_it_is_over(self) -> None:
        answer = self.begin()
        self.clock.advance(2)
        assert self.latencies.taken == {}
        answer.callback("found")
        assert self.successResultOf(answer) == "found"
        assert self.latencies.taken["read"].total == 2
        assert self.latencies.failed["read"] == 0

    def test_what_the_store_could_not_do_is_a_failure(self) -> None:
        for error in (StoreUnavailable("gone"), StoreFull("full")):
            answer = self.begin()
            answer.errback(error)
            self.failureResultOf(answer, StoreUnavailable)
        answer = self.begin()
        answer.errback(WireError("code_too_long", "It is too long."))
        self.failureResultOf(answer, WireError)
        assert self.latencies.failed["read"] == 2
        assert self.latencies.taken["read"].count == 3

    def test_one_that_is_cancelled_says_nothing_of_the_store(self) -> None:
        answer = self.begin()
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        assert self.latencies.taken == {}
