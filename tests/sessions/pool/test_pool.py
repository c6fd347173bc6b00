"""Ready kernels: who gets one, how many there are, and how they end."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.limits import AdmissionLimits
from sagecell_tx.sessions.interfaces import Exit, Kernel, StartFailed
from sagecell_tx.sessions.pool.demand import WINDOW
from sagecell_tx.sessions.pool.pacing import FIRST_RETRY, LONGEST_RETRY, PAUSE
from sagecell_tx.sessions.pool.pool import ReadyKernels
from sagecell_tx.sessions.spec import PYTHON, KernelSpec
from sagecell_tx.testing.hosts import KILLED, MemoryHost, MemoryKernel
from sagecell_tx.wire.messages import Message


@define
class PoolVisitor:
    """An observer, and the outcome of its start."""

    kernel_id: str
    heard: list[str] = field(factory=list)
    ends: list[Exit] = field(factory=list)
    missed: int = 0
    near: int = 0
    started: Deferred[Kernel] = field(init=False)

    def message_received(self, message: Message) -> None:
        assert not self.ends, "kernel_ended is said last"
        self.heard.append(message.msg_type)

    def slice_over(self) -> None:
        """Do nothing."""

    def heartbeat_missed(self) -> None:
        self.missed += 1

    def limit_near(self, reason: str, seconds: float) -> None:
        self.near += 1

    def kernel_ended(self, how: Exit) -> None:
        self.ends.append(how)


#: Seconds that a kernel has to come up.
START = 15

#: A kind of which nothing is kept ready.
GAP = KernelSpec(name="gap", display_name="GAP", language="gap")


class ReadyTests(SynchronousTestCase):
    """A pool around a host in memory."""

    limits = AdmissionLimits(kernels=8, service_kernels=2, min_ready_kernels=1, max_ready_kernels=3)

    def setUp(self) -> None:
        self.clock = Clock()
        self.host = MemoryHost()
        self.pool = ReadyKernels(
            host=self.host, spec=PYTHON, limits=self.limits, start_seconds=START, clock=self.clock
        )
        self.visitors: list[PoolVisitor] = []

    def begin(self, **host: Any) -> None:
        """Start the service, and let it do what it does at once."""
        for name, value in host.items():
            setattr(self.host, name, value)
        self.pool.startService()
        self.clock.advance(0)

    def visit(self, spec: KernelSpec = PYTHON) -> PoolVisitor:
        visitor = PoolVisitor(f"visitor-{len(self.visitors) + 1}")
        self.visitors.append(visitor)
        visitor.started = self.pool.start(spec, visitor)
        return visitor

    def served(self) -> tuple[PoolVisitor, MemoryKernel]:
        """A visitor, and the kernel that was handed out at once."""
        visitor = self.visit()
        kernel = self.successResultOf(visitor.started)
        assert isinstance(kernel, MemoryKernel)
        return visitor, kernel

    def names(self) -> list[str]:
        """The kernels that are not gone, by the names that the host knows."""
        return [kernel.kernel_id for kernel in self.host.alive]

    def rest(self, seconds: float = 100 * PAUSE) -> None:
        """Let time pass in small steps."""
        for _ in range(round(seconds / PAUSE)):
            self.clock.advance(PAUSE)


class AheadTests(ReadyTests):
    def test_only_kernels_that_nobody_has_asked_for_are_started_ahead(self) -> None:
        self.begin(prompt=True)
        self.rest()
        for _ in range(2):  # the second finds none that is ready
            self.visit()
        assert [(kernel.kernel_id, kernel.ahead) for kernel in self.host.kernels[:2]] == [
            ("ready-1", True),
            ("visitor-2", False),
        ]
        self.rest()
        assert all(kernel.ahead for kernel in self.host.kernels[2:])
        assert self.host.kernels[2:]
        self.successResultOf(self.pool.stopService())


class LoadingTests(ReadyTests):
    def test_no_more_are_begun_than_the_host_takes(self) -> None:
        self.pool.set_places(0)
        self.begin(prompt=True)
        self.rest()
        assert self.pool.ready == 0
        self.pool.set_places(1)
        self.rest()
        assert self.pool.ready == 1
        self.pool.set_places(0)
        self.rest()
        assert self.pool.ready == 0

    def test_nothing_is_begun_before_the_host_can_start_kernels(self) -> None:
        up: Deferred[None] = Deferred()
        self.pool.when_up = lambda: up
        self.begin()
        self.rest(3 * START)
        assert self.host.kernels == []
        up.callback(None)
        assert self.names() == ["ready-1"]
        self.successResultOf(self.pool.stopService())

    def test_one_that_was_stopped_meanwhile_begins_nothing(self) -> None:
        up: Deferred[None] = Deferred()
        self.pool.when_up = lambda: up
        self.begin()
        self.successResultOf(self.pool.stopService())
        up.callback(None)
        self.rest()
        assert self.host.kernels == []


class HandOutTests(ReadyTests):
    def test_a_ready_kernel_is_there_at_once(self) -> None:
        self.begin()
        assert self.names() == ["ready-1"]
        assert self.pool.ready == 1
        assert self.pool.has_ready(PYTHON)
        assert not self.pool.has_ready(GAP)
        _, kernel = self.served()
        assert kernel is self.host.kernels[0]
        assert self.pool.ready == 0
        assert not self.pool.has_ready(PYTHON)

    def test_each_is_used_once(self) -> None:
        self.begin()
        _, first = self.served()
        _, second = self.served()
        self.rest()
        _, third = self.served()
        assert len({first.kernel_id, second.kernel_id, third.kernel_id}) == 3

    def test_without_one_the_host_starts_one_by_the_visitors_own_name(self) -> None:
        self.begin(prompt=False)
        self.host.latest.come_up()
        self.served()
        visitor = self.visit()
        self.assertNoResult(visitor.started)
        assert self.names() == ["ready-1", "visitor-2"]
        self.host.latest.come_up()
        assert self.successResultOf(visitor.started) is self.host.latest

    def test_one_that_is_on_its_way_is_taken_over(self) -> None:
        self.begin(prompt=False)
        visitor = self.visit()
        assert self.names() == ["ready-1"]
        self.assertNoResult(visitor.started)
        self.host.latest.come_up()
        assert self.successResultOf(visitor.started) is self.host.latest
        assert self.pool.ready == 0

    def test_one_that_is_up_goes_before_one_that_is_on_its_way(self) -> None:
        self.begin()
        self.served()
        self.served()
        self.clock.advance(PAUSE)
        self.host.prompt = False
        self.clock.advance(PAUSE)
        assert self.pool.ready == len(self.names()) - 3 == 1
        self.served()
        self.assertNoResult(self.visit().started)

    def test_everything_goes_to_who_took_it_from_then_on(self) -> None:
        self.begin()
        kernel = self.host.latest
        kernel.status("starting")
        visitor, _ = self.served()
        assert visitor.heard == []
        kernel.stream("hello")
        kernel.miss_heartbeats()
        kernel.end(Exit(signal=11))
        assert visitor.heard == ["stream"]
        assert visitor.missed == 1
        kernel.limit_near("cpu", 60)
        assert visitor.near == 1
        assert visitor.ends == [Exit(signal=11)]

    def test_nobody_gets_one_whose_process_is_gone(self) -> None:
        self.begin()
        dead = self.host.latest
        dead.pause()  # its last messages have not arrived yet
        dead.stream("last words")
        dead.end(Exit(signal=9))
        assert self.pool.ready == 0
        _, kernel = self.served()
        assert kernel is not dead
        dead.resume()
        assert dead.gone

    def test_the_same_while_it_is_on_its_way(self) -> None:
        self.begin(prompt=False)
        visitor = self.visit()
        self.host.latest.status("starting")
        assert visitor.heard == ["status"]

    def test_cancelling_after_one_was_taken_over_kills_it(self) -> None:
        self.begin(prompt=False)
        visitor = self.visit()
        visitor.started.cancel()
        self.failureResultOf(visitor.started, CancelledError)
        assert self.host.latest.killed
        assert visitor.ends == [KILLED]

    def test_cancelling_a_start_of_ones_own_kills_it(self) -> None:
        visitor = self.visit()  # not running: nothing is in the stock
        assert self.names() == ["visitor-1"]
        self.successResultOf(visitor.started)
        self.host.prompt = False
        hasty = self.visit()
        hasty.started.cancel()
        self.failureResultOf(hasty.started, CancelledError)
        assert hasty.ends == [KILLED]

    def test_a_start_that_fails_after_it_was_taken_over(self) -> None:
        self.begin(prompt=False)
        visitor = self.visit()
        self.host.latest.fail("Out of memory.")
        assert str(self.failureResultOf(visitor.started, StartFailed).value) == "Out of memory."
        assert len(visitor.ends) == 1

    def test_a_host_that_raises_has_begun_nothing(self) -> None:
        self.host.broken = OSError("no space left")
        with pytest.raises(OSError, match="no space left"):
            self.visit()
        self.host.broken = None
        self.begin()
        assert self.pool.ready == 1

    def test_the_log_says_which_became_whose(self) -> None:
        with capturedLogs() as told:
            self.begin()
            self.served()
        assert [(e["kernel"], e["ready"]) for e in told if "ready" in e] == [
            ("visitor-1", "ready-1")
        ]

    def test_from_then_on_the_host_calls_it_by_the_visitors_id(self) -> None:
        self.begin()
        _, up = self.served()
        self.host.prompt = False
        self.clock.advance(PAUSE)
        coming = self.host.latest
        assert coming is not up
        assert coming.observer.kernel_id == "ready-2"
        self.visit()
        assert [up.observer.kernel_id, coming.observer.kernel_id] == ["visitor-1", "visitor-2"]


class KindTests(ReadyTests):
    def test_ready_kernels_are_of_the_kind_that_the_pool_was_given(self) -> None:
        self.begin()
        assert self.host.latest.spec == PYTHON
        visitor = self.visit(GAP)
        assert self.successResultOf(visitor.started) is self.host.latest
        assert self.host.latest.spec == GAP
        assert (self.names(), self.pool.ready) == (["ready-1", "visitor-1"], 1)

    def test_only_demand_for_its_own_kind_makes_the_stock_larger(self) -> None:
        self.begin()
        for _ in range(3):
            self.visit(GAP)
        self.rest()
        assert self.pool.ready == 1
        for _ in range(3):
            self.visit()
        self.rest()
        assert self.pool.ready == 3

    def test_other_kinds_have_places_and_are_waited_for_as_well(self) -> None:
        self.begin()
        self.served()
        self.host.prompt = False
        others = [self.visit(GAP) for _ in range(9)]
        self.rest()
        assert len(self.names()) == 10
        self.host.prompt = True
        for kernel in self.host.kernels[1:]:
            kernel.come_up()
        self.rest()
        assert (len(self.names()), self.pool.ready) == (10, 0)
        self.successResultOf(others[0].started).kill()
        self.rest()
        assert (len(self.names()), self.pool.ready) == (10, 1)


class SizeTests(ReadyTests):
    def test_it_follows_demand(self) -> None:
        self.begin()
        for _ in range(2):
            self.served()
        self.rest()
        assert self.pool.ready == 2
        for _ in range(5):
            self.visit()
        self.rest()
        assert self.pool.ready == self.limits.max_ready_kernels == 3
        self.rest(WINDOW)
        assert self.pool.ready == self.limits.min_ready_kernels == 1
        assert len(self.host.alive) == 8
        assert [call.active() for call in self.clock.getDelayedCalls()] == []

    def test_it_takes_what_the_limit_leaves(self) -> None:
        self.begin()
        kernels = [self.served()[1] for _ in range(9)]
        self.rest()
        assert len(self.names()) == self.limits.kernels + self.limits.service_kernels
        assert self.pool.ready == 1
        self.served()
        self.rest()
        assert self.pool.ready == 0
        kernels[0].end()
        self.rest(2 * PAUSE)
        assert self.pool.ready == 1

    def test_what_was_taken_comes_back_a_pause_later_and_one_at_a_time(self) -> None:
        self.begin()
        for _ in range(3):
            self.served()
        self.host.prompt = False
        self.clock.advance(PAUSE * 0.9)
        self.visit()
        self.host.latest.come_up()
        self.clock.advance(PAUSE * 0.9)
        assert len(self.names()) == 4, "the last hand-out was not long enough ago"
        self.clock.advance(PAUSE * 0.1)
        assert len(self.names()) == 5
        self.rest()
        assert len(self.names()) == 5, "one at a time"
        self.host.latest.come_up()
        self.rest()
        assert len(self.names()) == 6

    def test_more_than_there_are_places_for_ask_nothing_of_an_empty_stock(self) -> None:
        self.begin()
        for _ in range(self.limits.kernels + self.limits.service_kernels + 1):
            self.visit()
        self.clock.advance(PAUSE)
        assert self.pool.ready == 0
        for visitor in self.visitors:
            self.successResultOf(visitor.started).kill()
        self.clock.advance(PAUSE)
        assert self.pool.ready == 1

    def test_visitors_starts_go_first(self) -> None:
        self.begin()
        self.served()
        self.host.prompt = False
        waiting = [self.visit(), self.visit()]
        self.rest()
        assert self.names() == ["ready-1", "visitor-2", "visitor-3"]
        self.host.kernels[1].come_up()
        self.rest()
        assert len(self.names()) == 3
        waiting[1].started.cancel()
        self.failureResultOf(waiting[1].started, CancelledError)
        self.rest()
        assert len(self.names()) == 3
        assert self.names()[-1] == "ready-2"


class NoStockTests(ReadyTests):
    limits = AdmissionLimits(max_ready_kernels=0)

    def test_switched_off_it_is_the_host_alone(self) -> None:
        self.begin()
        visitor, kernel = self.served()
        kernel.end()
        assert visitor.ends == [KILLED]
        assert [kernel.kernel_id for kernel in self.host.kernels] == ["visitor-1"]
        assert self.clock.getDelayedCalls() == []
        self.successResultOf(self.pool.stopService())


class LossTests(ReadyTests):
    def test_one_that_ends_is_replaced(self) -> None:
        self.begin()
        self.host.latest.end(Exit(signal=11))
        assert self.pool.ready == 0
        self.rest(FIRST_RETRY + PAUSE)
        assert self.names() == ["ready-2"]

    def test_one_that_hangs_is_killed_and_replaced(self) -> None:
        self.begin(lingering=True)
        self.host.latest.miss_heartbeats()
        assert self.host.latest.killed
        assert self.pool.ready == 0
        self.host.latest.end()
        self.rest(FIRST_RETRY + PAUSE)
        assert self.pool.ready == 1

    def test_one_that_does_not_come_up_is_killed_and_replaced(self) -> None:
        self.begin(prompt=False)
        self.clock.advance(START)
        assert self.host.latest.killed
        self.host.prompt = True
        self.rest(FIRST_RETRY + PAUSE)
        assert self.names() == ["ready-2"]

    def test_the_patience_of_who_took_it_over_is_its_own_affair(self) -> None:
        self.begin(prompt=False)
        visitor = self.visit()
        self.clock.advance(2 * START)
        self.assertNoResult(visitor.started)
        self.host.latest.come_up()
        self.successResultOf(visitor.started)

    def test_a_broken_machine_is_tried_less_and_less(self) -> None:
        self.begin(prompt=False)
        tries = []
        for _ in range(10):
            self.host.latest.fail()
            before = self.clock.seconds()
            while self.host.latest.gone:
                self.clock.advance(FIRST_RETRY)
            tries.append(self.clock.seconds() - before)
        assert tries[:4] == [1, 2, 4, 8]
        assert tries[-1] == LONGEST_RETRY
        # A visitor does not wait so long, and a kernel that is handed out resets the delay.
        self.host.latest.come_up()
        self.served()
        self.clock.advance(PAUSE)
        self.host.latest.fail()
        self.clock.advance(FIRST_RETRY)
        assert not self.host.latest.gone

    def test_many_that_are_lost_together_count_as_one(self) -> None:
        self.begin()
        for _ in range(3):
            self.visit()
        self.rest()
        assert self.pool.ready == 3
        for kernel in self.host.alive[-3:]:
            kernel.end()
        self.rest(FIRST_RETRY + PAUSE)
        assert self.pool.ready == 1

    def test_a_host_that_raises_is_tried_again(self) -> None:
        self.begin(broken=OSError("no space left"))
        assert len(self.flushLoggedErrors(OSError)) == 1
        self.host.broken = None
        self.rest(FIRST_RETRY + PAUSE)
        assert self.pool.ready == 1

    def test_a_start_that_fails_for_no_known_reason_is_logged(self) -> None:
        self.begin(prompt=False)
        self.host.latest.coming.errback(ZeroDivisionError())
        self.host.latest.end()
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
        self.rest(FIRST_RETRY + PAUSE)
        assert self.names() == ["ready-2"]


class EndTests(ReadyTests):
    def test_the_stock_ends_and_what_is_somebodys_stays(self) -> None:
        self.begin(lingering=True)
        visitor, _ = self.served()
        self.visit()
        self.clock.advance(PAUSE)
        self.host.prompt = False
        self.clock.advance(PAUSE)
        up, coming = self.host.kernels[-2:]
        assert (up.coming.called, coming.coming.called) == (True, False)
        stopped = self.pool.stopService()
        assert (up.killed, coming.killed, self.pool.ready) == (True, True, 0)
        up.end()
        self.assertNoResult(stopped)
        coming.end()
        self.successResultOf(stopped)
        assert visitor.ends == []
        assert self.clock.getDelayedCalls() == []

    def test_what_ends_afterwards_is_not_replaced(self) -> None:
        self.begin()
        visitor, kernel = self.served()
        self.successResultOf(self.pool.stopService())
        kernel.end()
        self.rest()
        assert visitor.ends == [KILLED]
        assert self.host.alive == []

    def test_with_nothing_in_the_stock_it_is_over_at_once(self) -> None:
        self.successResultOf(self.pool.stopService())
