"""Starts are counted by where the kernel came from, and by how long it took."""

from __future__ import annotations

from sagecell_tx.sessions.interfaces import StartFailed
from sagecell_tx.sessions.pool.starttimes import Origin
from tests.sessions.pool.test_pool import GAP, ReadyTests


class StartTimesTests(ReadyTests):
    def counts(self) -> dict[Origin, int]:
        taken = self.pool.times.taken.items()
        return {origin: times.count for origin, times in taken if times.count}

    def test_a_kernel_that_is_ready_takes_no_time(self) -> None:
        self.begin(prompt=True)
        self.rest()
        self.served()
        assert self.counts() == {Origin.READY: 1}
        assert self.pool.times.taken[Origin.READY].total == 0

    def test_one_that_was_being_started_takes_the_rest_of_its_start(self) -> None:
        self.begin(prompt=False)
        self.rest()
        visitor = self.visit()
        self.clock.advance(2)
        assert self.counts() == {}
        self.host.kernels[0].come_up()
        self.successResultOf(visitor.started)
        assert self.counts() == {Origin.STARTING: 1}
        assert self.pool.times.taken[Origin.STARTING].total == 2

    def test_others_are_started_when_they_are_asked_for(self) -> None:
        self.host.prompt = False
        for spec in (self.pool.spec, GAP):
            self.visit(spec)
            self.clock.advance(1)
            self.host.latest.come_up()
        assert self.counts() == {Origin.FORKED: 1, Origin.INSTALLED: 1}

    def test_a_failure_is_counted_and_a_visitor_who_leaves_is_not(self) -> None:
        self.host.prompt = False
        failing, leaving = self.visit(), self.visit()
        self.host.kernels[0].fail()
        self.failureResultOf(failing.started, StartFailed)
        leaving.started.cancel()
        self.failureResultOf(leaving.started)
        assert self.counts() == {}
        assert self.pool.times.failed == {Origin.FORKED: 1}

    def test_all_origins_are_there_from_the_beginning(self) -> None:
        seconds, failed = self.pool.times.measures()
        words = {(origin.value,) for origin in Origin}
        assert seconds.values.keys() == failed.values.keys() == words
