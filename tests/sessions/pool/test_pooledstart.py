"""One kernel of the pool: who is notified before it is handed out, and afterwards."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.sessions.interfaces import Exit, StartFailed
from sagecell_tx.sessions.pool.pooledstart import PooledStart
from sagecell_tx.sessions.spec import PYTHON
from sagecell_tx.testing.hosts import KILLED, MemoryHost, MemoryKernel
from sagecell_tx.wire.messages import Message

#: Seconds that a kernel has to come up.
START = 15


@define
class Told:
    """A stock and an observer; records the calls of both, in order."""

    kernel_id: str = "visitor-1"
    events: list[str] = field(factory=list)

    # --- Stock

    def came_up(self, start: PooledStart) -> None:
        assert not start.coming.called, "the stock hears of it first"
        self.events.append("came up")

    def lost(self, start: PooledStart) -> None:
        self.events.append("lost")

    def ended(self, start: PooledStart) -> None:
        self.events.append("ended")

    # --- KernelObserver

    def message_received(self, message: Message) -> None:
        self.events.append(f"heard {message.msg_type}")

    def slice_over(self) -> None:
        self.events.append("slice over")

    def heartbeat_missed(self) -> None:
        self.events.append("heartbeat missed")

    def limit_near(self, reason: str, seconds: float) -> None:
        self.events.append(f"{reason} near")

    def kernel_ended(self, how: Exit) -> None:
        self.events.append(f"observer told of {how}")


class PooledStartTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.host = MemoryHost(prompt=False)
        self.told = Told()

    def start(self, *, taken: bool = False) -> tuple[PooledStart, MemoryKernel]:
        start = PooledStart(
            name="ready-1",
            clock=self.clock,
            start_seconds=START,
            stock=self.told,
            observer=self.told if taken else None,
        )
        start.follow(self.host.start(PYTHON, start))
        return start, self.host.latest

    def test_it_is_up_from_its_start_to_the_end_of_its_process(self) -> None:
        start, kernel = self.start()
        assert (start.waiting, start.is_up) == (True, False)
        kernel.come_up()
        assert (start.waiting, start.is_up) == (False, True)
        assert self.successResultOf(start.coming) is kernel
        assert self.clock.getDelayedCalls() == []
        kernel.pause()
        kernel.stream("last words")
        kernel.end(Exit(signal=9))
        assert not start.is_up
        assert self.told.events == ["came up"]
        kernel.resume()
        assert self.told.events == ["came up", "ended"]

    def test_what_nobodys_kernel_says_is_heard_by_nobody(self) -> None:
        _, kernel = self.start()
        kernel.status("starting")
        kernel.limit_near("cpu", 60)
        kernel.come_up()
        kernel.stream("hello")
        assert self.told.events == ["came up"]

    def test_who_has_it_hears_everything_and_of_its_end_after_the_stock(self) -> None:
        start, kernel = self.start()
        kernel.come_up()
        start.observer = self.told
        kernel.stream("hello")
        kernel.limit_near("cpu", 60)
        kernel.miss_heartbeats()
        assert not kernel.killed
        kernel.end(Exit(signal=11))
        assert self.told.events == [
            "came up",
            "heard stream",
            "slice over",
            "cpu near",
            "heartbeat missed",
            "ended",
            f"observer told of {Exit(signal=11)}",
        ]

    def test_nobodys_kernel_that_hangs_is_killed(self) -> None:
        _, kernel = self.start()
        kernel.come_up()
        kernel.miss_heartbeats()
        assert kernel.killed
        assert self.told.events == ["came up", "lost", "ended"]

    def test_nobody_waits_for_longer_than_a_start_may_take(self) -> None:
        _, kernel = self.start()
        killed = []
        for seconds in (START - 1, 1):
            self.clock.advance(seconds)
            killed.append(kernel.killed)
        assert killed == [False, True]
        assert self.clock.getDelayedCalls() == []

    def test_its_host_calls_it_by_the_id_of_whoever_has_it(self) -> None:
        start, kernel = self.start()
        assert kernel.observer.kernel_id == "ready-1"
        start.observer = self.told
        assert kernel.observer.kernel_id == "visitor-1"

    def test_whoever_has_it_decides_how_long_to_wait(self) -> None:
        start, kernel = self.start()
        start.observer = self.told
        self.clock.advance(2 * START)
        assert start.waiting
        assert self.told.events == []
        kernel.come_up()
        self.successResultOf(start.coming)

    def test_a_failure_is_told_to_who_has_it(self) -> None:
        start, kernel = self.start(taken=True)
        kernel.fail("Out of memory.")
        assert str(self.failureResultOf(start.coming, StartFailed).value) == "Out of memory."
        assert sorted(self.told.events) == ["ended", "lost", f"observer told of {kernel.how}"]

    def test_a_failure_of_nobodys_is_logged_when_its_cause_is_unknown(self) -> None:
        _, known = self.start()
        known.fail()
        start, kernel = self.start()
        kernel.coming.errback(ZeroDivisionError())
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
        assert not start.coming.called

    def test_cancelling_kills_the_kernel(self) -> None:
        start, kernel = self.start(taken=True)
        start.coming.cancel()
        self.failureResultOf(start.coming, CancelledError)
        assert kernel.killed
        assert f"observer told of {KILLED}" in self.told.events
