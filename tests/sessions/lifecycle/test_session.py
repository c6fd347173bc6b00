"""A session while it starts and works, on a kernel in memory."""

from __future__ import annotations

from twisted.internet.defer import CancelledError

from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.interfaces import Exit, StartFailed
from tests.sessions.samples import KERNEL_ID, code, request
from tests.sessions.sessioncase import LIMITS, SessionTests


class StartTests(SessionTests):
    def test_ready_when_the_kernel_is_up(self) -> None:
        session = self.begin(prompt=False)
        ready = session.when_ready()
        self.assertNoResult(ready)
        self.kernel.come_up()
        self.successResultOf(ready)
        self.successResultOf(session.when_ready())
        assert self.kernel.kernel_id == KERNEL_ID

    def test_each_caller_has_a_deferred_of_its_own(self) -> None:
        session = self.begin(prompt=False)
        first, second = session.when_ready(), session.when_ready()
        assert first is not second
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.kernel.come_up()
        self.successResultOf(second)

    def test_one_caller_may_cancel_another_while_being_told(self) -> None:
        session = self.begin(prompt=False)
        first, second = session.when_ready(), session.when_ready()
        first.addCallback(lambda _: second.cancel())
        self.kernel.come_up()
        self.successResultOf(first)
        self.failureResultOf(second, CancelledError)

    def test_a_failed_start_says_why_in_the_hosts_words(self) -> None:
        session = self.begin(prompt=False)
        ready = session.when_ready()
        self.kernel.fail("The fork server is away.")
        for waiting in (ready, session.when_ready()):
            failure = self.failureResultOf(waiting, StartFailed)
            assert str(failure.value) == "The fork server is away."
        self.over(session, Reason.CRASHED)

    def test_a_failed_start_is_over_when_nothing_is_left_of_it(self) -> None:
        session = self.begin(prompt=False, lingering=True)
        self.kernel.fail()
        assert self.deaths == []
        self.kernel.end()
        self.over(session, Reason.CRASHED)

    def test_a_kernel_that_ends_while_it_starts(self) -> None:
        session = self.begin(prompt=False)
        ready = session.when_ready()
        self.kernel.end(Exit(status=0))
        self.failureResultOf(ready, StartFailed)
        self.over(session, Reason.CRASHED)

    def test_a_start_that_takes_too_long_is_given_up(self) -> None:
        session = self.begin(prompt=False)
        ready = session.when_ready()
        self.clock.advance(LIMITS.lifetime.start_seconds)
        self.failureResultOf(ready, StartFailed)
        assert self.kernel.killed
        self.over(session, Reason.CRASHED)

    def test_nobody_waits_longer_for_a_host_that_hangs(self) -> None:
        """The place is free again only when nothing is left of the kernel."""
        session = self.begin(prompt=False, lingering=True)
        ready = session.when_ready()
        self.clock.advance(LIMITS.lifetime.start_seconds)
        for waiting in (ready, session.when_ready()):
            failure = self.failureResultOf(waiting, StartFailed)
            assert str(failure.value) == "The program could not be started in time."
        assert self.deaths == []
        self.kernel.end()
        self.over(session, Reason.CRASHED)

    def test_a_stop_while_starting_gives_the_start_up(self) -> None:
        session = self.begin(prompt=False, lingering=True)
        ready = session.when_ready()
        session.stop(Reason.STOPPED)
        assert self.kernel.killed
        self.assertNoResult(ready)
        self.kernel.end()
        self.failureResultOf(ready, StartFailed)
        self.over(session, Reason.STOPPED)

    def test_who_cancels_waiting_does_not_stop_the_start(self) -> None:
        session = self.begin(prompt=False)
        ready = session.when_ready()
        ready.cancel()
        self.failureResultOf(ready, CancelledError)
        self.kernel.come_up()
        self.successResultOf(session.when_ready())

    def test_who_listens_before_the_kernel_is_up_has_claimed_it(self) -> None:
        session = self.begin(prompt=False, timeout=900)
        listener = self.listen(session)
        self.kernel.come_up()
        self.clock.advance(LIMITS.lifetime.unclaimed_seconds)
        assert self.deaths == []
        first = self.kernel.status("starting")
        assert listener.received == [first]

    def test_a_host_that_fails_at_once_has_begun_nothing(self) -> None:
        session = self.begin(broken=OSError("No space left on device"))
        self.failureResultOf(session.when_ready(), StartFailed)
        assert len(self.flushLoggedErrors(OSError)) == 1
        self.over(session, Reason.CRASHED)

    def test_something_unforeseen_in_the_host_is_logged(self) -> None:
        session = self.begin(prompt=False)
        ready = session.when_ready()
        self.kernel.coming.errback(ZeroDivisionError())
        self.kernel.end()
        self.failureResultOf(ready, StartFailed)
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
        self.over(session, Reason.CRASHED)


class WorkTests(SessionTests):
    def test_with_timeout_0_the_first_execution_is_all(self) -> None:
        """contract: 2.6"""
        session = self.begin(answering=True)
        listener = self.listen(session)
        listener.attachment.send(code("print hello"))
        assert listener.text == "hello\n"
        self.over(session, Reason.FINISHED)
        assert listener.kinds[-3:] == ["execute_reply", "status", "status"]

    def test_with_timeout_0_kernel_info_is_not_all(self) -> None:
        session = self.begin(answering=True)
        listener = self.listen(session)
        listener.attachment.send(request("i", "kernel_info_request"))
        assert "kernel_info_reply" in listener.kinds
        assert self.deaths == []
        listener.attachment.send(code("1"))
        self.over(session, Reason.FINISHED)

    def test_with_timeout_0_a_kernel_that_is_never_used_goes_after_a_while(self) -> None:
        session = self.begin()
        self.listen(session)
        self.clock.advance(LIMITS.lifetime.unclaimed_seconds - 1)
        assert self.deaths == []
        self.clock.advance(1)
        self.over(session, Reason.IDLE)

    def test_several_requests_are_all_answered_before_the_end(self) -> None:
        """contract: 2.6"""
        session = self.begin()
        listener = self.listen(session)
        first, second = code("1", "r1"), code("2", "r2")
        listener.attachment.send(first)
        listener.attachment.send(second)
        self.kernel.finish(first)
        assert not self.kernel.going
        self.kernel.finish(second)
        self.over(session, Reason.FINISHED)
        assert listener.kinds.count("execute_reply") == 2

    def test_with_a_timeout_the_kernel_stays_for_so_long(self) -> None:
        """contract: 2.6"""
        session = self.begin(timeout=30, answering=True)
        listener = self.listen(session)
        for number in range(3):
            listener.attachment.send(code("1", f"r{number}"))
            self.clock.advance(29)
        assert self.deaths == []
        self.clock.advance(1)
        self.over(session, Reason.IDLE)

    def test_a_working_kernel_is_not_idle(self) -> None:
        session = self.begin(timeout=30, answering=True)
        listener = self.listen(session)
        listener.attachment.send(code("hang"))
        self.clock.advance(600)
        assert self.deaths == []
        session.interrupt()
        assert self.kernel.interrupts == 1
        self.clock.advance(30)
        self.over(session, Reason.IDLE)

    def test_a_program_may_ask_to_be_kept(self) -> None:
        session = self.begin(answering=True)
        listener = self.listen(session)
        listener.attachment.send(code("timeout 100"))
        self.clock.advance(99)
        assert self.deaths == []
        self.clock.advance(1)
        self.over(session, Reason.IDLE)

    def test_a_program_is_not_kept_longer_than_the_limit(self) -> None:
        """contract: 2.5"""
        session = self.begin(answering=True)
        listener = self.listen(session)
        listener.attachment.send(code("timeout inf"))
        self.clock.advance(LIMITS.lifetime.idle_seconds)
        self.over(session, Reason.IDLE)

    def test_a_program_may_ask_to_end_with_its_work(self) -> None:
        session = self.begin(timeout=900, answering=True)
        self.listen(session).attachment.send(code("timeout 0"))
        self.over(session, Reason.FINISHED)

    def test_a_file_is_stored_before_the_end(self) -> None:
        session = self.begin(answering=True)
        self.store.prompt = False
        listener = self.listen(session)
        listener.attachment.send(code("save a.txt contents"))
        assert self.deaths == []
        self.store.let_all_go()
        self.over(session, Reason.FINISHED)
        file = self.successResultOf(self.store.find(KERNEL_ID, "a.txt"))
        assert file is not None
        assert file.size == 8
        replies = [message for message in listener.received if message.msg_type == "execute_reply"]
        assert replies[0].parsed_content()["payload"][0]["new_files"] == ["a.txt"]

    def test_a_refused_file_is_told(self) -> None:
        session = self.begin(answering=True)
        listener = self.listen(session)
        listener.attachment.send(code("save ../a contents"))
        assert listener.text.endswith("\n")
        assert "was not saved" in listener.text

    def test_nobody_comes(self) -> None:
        session = self.begin()
        self.clock.advance(LIMITS.lifetime.unclaimed_seconds)
        self.over(session, Reason.DETACHED)

    def test_nobody_comes_back(self) -> None:
        session = self.begin(timeout=900)
        self.listen(session).attachment.detach()
        self.clock.advance(LIMITS.lifetime.detached_seconds)
        self.over(session, Reason.DETACHED)

    def test_who_comes_back_in_time_goes_on(self) -> None:
        session = self.begin(timeout=900, answering=True)
        listener = self.listen(session)
        listener.attachment.send(code("hang"))
        listener.attachment.detach()
        self.clock.advance(LIMITS.lifetime.detached_seconds - 1)
        again = self.listen(session)
        self.clock.advance(LIMITS.lifetime.idle_seconds)
        assert self.deaths == []
        session.interrupt()
        assert again.kinds == ["error", "execute_reply", "status"]

    def test_the_longest_life(self) -> None:
        """contract: 2.6"""
        session = self.begin(timeout=900, answering=True)
        self.listen(session).attachment.send(code("hang"))
        self.clock.advance(LIMITS.lifetime.total_seconds)
        self.over(session, Reason.LIFETIME)
