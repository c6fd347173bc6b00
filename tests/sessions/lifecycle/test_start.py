"""The start of a kernel: what the session and those who wait for it learn."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.sessions.interfaces import Exit, Kernel, StartFailed
from sagecell_tx.sessions.lifecycle.start import KernelStart
from sagecell_tx.sessions.spec import PYTHON
from sagecell_tx.testing.hosts import MemoryHost, MemoryKernel
from sagecell_tx.wire.messages import Message
from tests.sessions.samples import KERNEL_ID


class StartTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.host = MemoryHost(prompt=False)
        self.up: list[Kernel] = []
        self.failures = 0
        self.start = KernelStart(
            kernel_id=KERNEL_ID,
            spec=PYTHON,
            seconds=15,
            on_up=self.up.append,
            on_failed=self.failed,
        )

    def failed(self) -> None:
        self.failures += 1

    # --- KernelObserver

    kernel_id = KERNEL_ID

    def message_received(self, message: Message) -> None:
        """Not heard by a start."""

    def slice_over(self) -> None:
        """Do nothing."""

    def heartbeat_missed(self) -> None:
        """Not heard by a start."""

    def limit_near(self, reason: str, seconds: float) -> None:
        """Not heard by a start."""

    def kernel_ended(self, how: Exit) -> None:
        """Not heard by a start."""

    # --- for the tests

    def begin(self) -> Deferred[None]:
        return self.start.begin(self.host, self)

    @property
    def kernel(self) -> MemoryKernel:
        return self.host.latest

    def why_not(self, waiting: Deferred[None]) -> str:
        return str(self.failureResultOf(waiting, StartFailed).value)

    # ---

    def test_the_session_has_the_kernel_before_those_who_wait_are_told(self) -> None:
        settled, waiting = self.begin(), self.start.when_ready()
        had: list[list[Kernel]] = []
        waiting.addCallback(lambda _: had.append(list(self.up)))
        self.assertNoResult(settled)
        self.kernel.come_up()
        assert had == [[self.kernel]]
        self.successResultOf(settled)
        self.successResultOf(self.start.when_ready())
        assert self.failures == 0

    def test_one_that_waits_may_leave(self) -> None:
        self.begin()
        one, another = self.start.when_ready(), self.start.when_ready()
        one.addErrback(lambda _: None)
        one.cancel()
        self.kernel.come_up()
        self.successResultOf(another)

    def test_the_hosts_sentence_is_told_at_once_to_who_comes_and_at_the_end_to_who_waits(
        self,
    ) -> None:
        settled, waiting = self.begin(), self.start.when_ready()
        self.kernel.fail("Out of memory.")
        self.successResultOf(settled)
        assert self.failures == 1
        assert self.why_not(self.start.when_ready()) == "Out of memory."
        self.assertNoResult(waiting)
        self.start.close("The session is over.")
        assert self.why_not(waiting) == "Out of memory."

    def test_a_failure_without_a_sentence_is_logged_and_told_in_the_sessions_words(self) -> None:
        self.begin()
        self.kernel.coming.errback(ZeroDivisionError())
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
        assert self.failures == 1
        self.start.close("The session is over.")
        assert self.why_not(self.start.when_ready()) == "The session is over."

    def test_given_up_in_time_nobody_is_told_before_the_end(self) -> None:
        self.begin()
        waiting = self.start.when_ready()
        self.start.give_up(timed_out=False)
        assert self.kernel.killed
        self.assertNoResult(waiting)
        self.start.close("The session is over.")
        assert self.why_not(waiting) == "The session is over."

    def test_given_up_too_late_everybody_is_told_though_the_host_hangs(self) -> None:
        self.host.lingering = True
        self.begin()
        waiting = self.start.when_ready()
        with capturedLogs() as logged:
            self.start.give_up(timed_out=True)
        assert not self.kernel.gone
        assert self.why_not(waiting) == "The program could not be started in time."
        assert self.why_not(self.start.when_ready()) == "The program could not be started in time."
        assert [event["limit"] for event in logged] == [15]

    def test_giving_up_afterwards_changes_nothing(self) -> None:
        self.begin()
        self.kernel.come_up()
        self.start.give_up(timed_out=True)
        self.start.close("The session is over.")
        assert not self.kernel.killed
        self.successResultOf(self.start.when_ready())

    def test_a_host_that_raises_has_told_nobody(self) -> None:
        self.host.broken = OSError("no space left")
        with pytest.raises(OSError, match="no space left"):
            self.begin()
        assert (self.up, self.failures) == ([], 0)
