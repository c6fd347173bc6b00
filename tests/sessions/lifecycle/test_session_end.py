"""How sessions end: on request, killed or crashed, and always with a notice."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.interfaces import Exit
from sagecell_tx.wire.messages import CONTROL, IOPUB
from tests.sessions.samples import KERNEL_ID, code
from tests.sessions.sessioncase import LIMITS, SessionTests


class EndTests(SessionTests):
    def test_the_last_message_says_that_and_why(self) -> None:
        """contract: 2.7"""
        session = self.begin()
        listener, slow = self.listen(session), self.listen(session, slow=True)
        session.stop(Reason.STOPPED)
        slow.read_all()
        for each in (listener, slow):
            last = each.received[-1]
            assert (last.channel, last.msg_type, last.parent_id) == (IOPUB, "status", "")
            assert last.parsed_content() == {
                "execution_state": "dead",
                "reason": "stopped",
                "message": Reason.STOPPED.sentence,
            }
            assert each.closed == ["stopped"]
        self.over(session, Reason.STOPPED)

    def test_the_kernel_is_asked_first(self) -> None:
        session = self.begin(stubborn=True)
        session.stop(Reason.STOPPED)
        (asked,) = self.kernel.sent
        assert (asked.channel, asked.msg_type) == (CONTROL, "shutdown_request")
        assert session.kernel_id.encode() not in asked.header  # which the kernel does not need
        assert asked.parsed_content() == {"restart": False}
        assert not self.kernel.killed

    def test_a_stubborn_kernel_is_killed(self) -> None:
        session = self.begin(stubborn=True)
        session.stop(Reason.STOPPED)
        self.clock.advance(LIMITS.lifetime.stop_grace_seconds)
        assert self.kernel.killed
        self.over(session, Reason.STOPPED)

    def test_it_is_over_only_when_the_processes_are_gone(self) -> None:
        session = self.begin(stubborn=True, lingering=True)
        listener = self.listen(session)
        dead = session.when_dead()
        session.stop(Reason.MEMORY)
        self.clock.advance(LIMITS.lifetime.stop_grace_seconds)
        self.assertNoResult(dead)
        assert listener.closed == []
        self.kernel.end()
        assert self.successResultOf(dead) is Reason.MEMORY
        self.over(session, Reason.MEMORY)

    def test_a_crash(self) -> None:
        session = self.begin(answering=True, timeout=900)
        listener = self.listen(session)
        listener.attachment.send(code("print before\nexit 1\nprint never"))
        assert listener.text == "before\n"
        assert listener.closed == ["crashed"]
        self.over(session, Reason.CRASHED)

    def test_a_program_that_leaves_by_itself(self) -> None:
        session = self.begin(answering=True, timeout=900)
        self.listen(session).attachment.send(code("exit 0"))
        self.over(session, Reason.FINISHED)

    def test_a_kernel_that_hangs(self) -> None:
        session = self.begin(stubborn=True)
        self.kernel.miss_heartbeats()
        self.clock.advance(LIMITS.lifetime.stop_grace_seconds)
        self.over(session, Reason.CRASHED)

    def test_what_was_kept_back_is_told_before_dead(self) -> None:
        session = self.begin()
        listener = self.listen(session)
        asked = code("1")
        listener.attachment.send(asked)
        self.kernel.reply(asked)
        self.kernel.end()
        assert listener.kinds == ["execute_reply", "status"]
        self.over(session, Reason.CRASHED)

    def test_last_words_are_heard_however_slow_the_listener(self) -> None:
        session = self.begin(timeout=900)
        slow = self.listen(session, slow=True)
        while not self.kernel.paused:
            self.kernel.publish("display_data", {"data": {"text/plain": "x" * 50_000}})
        last = self.kernel.publish("display_data")
        self.kernel.end()
        assert self.deaths == []
        slow.read_all()
        assert slow.received[-2] == last
        assert slow.closed == ["crashed"]
        self.over(session, Reason.CRASHED)

    def test_the_end_waits_for_the_store(self) -> None:
        session = self.begin(answering=True)
        self.store.prompt = False
        listener = self.listen(session)
        listener.attachment.send(code("save a x\nexit 1"))
        self.kernel.forget_last_words()
        assert self.deaths == []
        self.store.let_all_go()
        assert listener.closed == ["crashed"]
        self.over(session, Reason.CRASHED)

    def test_the_end_comes_whatever_the_store_does(self) -> None:
        session = self.begin()
        content = {"name": "a", "size": 9, "mtime": 0, "offset": 0, "last": False}
        self.kernel.publish("sagecell_file", content, buffers=(b"x",))
        self.store.broken = True
        self.kernel.end()
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
        self.over(session, Reason.CRASHED)

    def test_a_listener_that_takes_nothing_leaves_nothing_behind(self) -> None:
        session = self.begin()
        stalled = self.listen(session, slow=True)
        session.stop(Reason.STOPPED)
        assert self.deaths == [Reason.STOPPED]
        self.clock.advance(LIMITS.messages.stalled_seconds)
        assert stalled.closed == ["stalled"]
        self.over(session, Reason.STOPPED)

    def test_when_dead_gives_each_caller_its_own(self) -> None:
        session = self.begin()
        first, second, third = session.when_dead(), session.when_dead(), session.when_dead()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        second.addCallback(lambda _: third.cancel())
        session.stop(Reason.STOPPED)
        self.successResultOf(second)
        self.failureResultOf(third, CancelledError)

    def test_after_the_end_nothing_does_anything(self) -> None:
        session = self.begin()
        listener = self.listen(session, slow=True)
        session.stop(Reason.STOPPED)
        sent = list(self.kernel.sent)
        session.stop(Reason.MEMORY)
        session.interrupt()
        self.kernel.observer.heartbeat_missed()
        listener.attachment.send(code("1"))
        late = self.listen(session)
        assert late.closed == ["stopped"]
        assert self.kernel.sent == sent
        assert self.kernel.interrupts == 0
        listener.read_all()
        self.over(session, Reason.STOPPED)

    def test_processor_time_that_is_nearly_used_up_is_told(self) -> None:
        session = self.begin(timeout=60)
        listener = self.listen(session)
        self.kernel.limit_near("cpu", 42)
        self.kernel.limit_near("a word that the session does not know", 42)
        (warning,) = [m for m in listener.received if m.msg_type == "sagecell_warning"]
        assert warning.parsed_content()["reason"] == "cpu"
        assert warning.parsed_content()["seconds"] == 42
        self.kernel.end(Exit(signal=9, reason="cpu"))
        self.over(session, Reason.CPU)

    def test_the_server_speaks_as_the_kernel(self) -> None:
        session = self.begin()
        parent = code("1").header
        message = session.originate("stream", {"name": "stderr", "text": "!"}, parent)
        assert message.parent_header == parent
        assert message.parsed_content() == {"name": "stderr", "text": "!"}
        assert KERNEL_ID.encode() in message.header

    def test_who_is_told_of_the_death_finds_all_done(self) -> None:
        session = self.begin()
        found: list[bool] = []
        told: Deferred[Any] = session.when_dead()
        told.addCallback(lambda _: found.append(session.when_dead().called))
        session.stop(Reason.STOPPED)
        assert found == [True]
