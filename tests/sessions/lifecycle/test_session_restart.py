"""A session whose kernel is restarted: what stays, what its clients are told, and what may go wrong."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail

from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.interfaces import SessionEnded, StartFailed
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.testing.listeners import MemoryListener
from sagecell_tx.wire.messages import SHELL
from tests.sessions.samples import KERNEL_ID, code, request
from tests.sessions.sessioncase import LIMITS, SessionTests


def told(listener: MemoryListener) -> list[str]:
    """What a listener was told, with the state of each status."""
    return [
        each.parsed_content().get("execution_state") or each.msg_type for each in listener.received
    ]


class RestartTests(SessionTests):
    def begin_and_listen(self, **host: Any) -> tuple[Session, MemoryListener]:
        session = self.begin(timeout=100, **host)
        return session, self.listen(session)

    def test_the_process_is_replaced_and_everything_else_stays(self) -> None:
        session, listener = self.begin_and_listen(answering=True)
        old = self.kernel
        self.successResultOf(session.restart())
        assert self.kernel is not old
        assert old.gone
        assert self.kernel.kernel_id == KERNEL_ID
        assert old.sent[-1].parsed_content() == {"restart": True}
        assert told(listener) == ["busy", "idle", "shutdown_reply", "starting", "busy", "idle"]
        assert listener.received[2].parsed_content() == {"status": "ok", "restart": True}
        listener.attachment.send(code("print on"))
        assert listener.text == "on\n"
        assert (listener.closed, self.deaths) == ([], [])
        session.stop(Reason.STOPPED)
        self.over(session, Reason.STOPPED)

    def test_what_ran_is_aborted_and_its_clients_are_told(self) -> None:
        session, listener = self.begin_and_listen()
        running, question = code("while True: pass"), request("q", "kernel_info_request")
        listener.attachment.send(running)
        listener.attachment.send(question)
        self.successResultOf(session.restart())
        reply = listener.received[1]
        assert (reply.channel, reply.msg_type) == (SHELL, "execute_reply")
        assert reply.parsed_content() == {"status": "aborted"}
        assert reply.parent_id == running.msg_id
        assert told(listener)[:4] == ["busy", "execute_reply", "idle", "idle"]
        assert [each.parent_id for each in listener.received[2:4]] == [running.msg_id, "q"]
        assert session.execution_state == "idle"

    def test_a_reply_that_came_before_is_not_aborted(self) -> None:
        session, listener = self.begin_and_listen()
        running = code("x")
        listener.attachment.send(running)
        reply = self.kernel.reply(running)
        self.successResultOf(session.restart())
        assert listener.received[1] == reply
        assert told(listener)[:3] == ["busy", "execute_reply", "idle"]

    def test_requests_meanwhile_wait_for_the_new_process(self) -> None:
        session, listener = self.begin_and_listen(lingering=True)
        restarted, old = session.restart(), self.kernel
        assert session.execution_state == "busy"
        sent = code("print on")
        listener.attachment.send(sent)
        assert sent not in old.sent
        self.host.prompt = False
        old.end()
        assert session.execution_state == "starting"
        other = code("print too", "r2")
        listener.attachment.send(other)
        self.assertNoResult(restarted)
        self.kernel.come_up()
        self.successResultOf(restarted)
        assert self.kernel.sent == [sent, other]
        assert session.execution_state == "busy"

    def test_a_kernel_that_does_not_end_is_killed(self) -> None:
        session, _ = self.begin_and_listen(stubborn=True)
        restarted, old = session.restart(), self.kernel
        self.assertNoResult(restarted)
        self.clock.advance(LIMITS.lifetime.stop_grace_seconds)
        assert old.killed
        self.successResultOf(restarted)

    def test_all_who_ask_meanwhile_share_one_restart(self) -> None:
        session, _ = self.begin_and_listen(lingering=True)
        first, second = session.restart(), session.restart()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.kernel.end()
        self.successResultOf(second)
        assert len(self.host.kernels) == 2

    def test_a_first_start_is_as_good_as_a_restart(self) -> None:
        session = self.begin(prompt=False)
        restarted = session.restart()
        self.assertNoResult(restarted)
        self.kernel.come_up()
        self.successResultOf(restarted)
        assert len(self.host.kernels) == 1

    def test_a_kernel_can_be_restarted_again_and_again(self) -> None:
        session, listener = self.begin_and_listen(answering=True)
        for _ in range(5):
            self.successResultOf(session.restart())
        listener.attachment.send(code("print on"))
        assert listener.text == "on\n"
        assert len(self.host.alive) == 1

    def test_a_new_process_that_does_not_start_ends_the_session(self) -> None:
        session, listener = self.begin_and_listen(lingering=True)
        restarted = session.restart()
        self.host.prompt = self.host.lingering = False
        self.kernel.end()
        self.kernel.fail("No room.")
        failure = self.failureResultOf(restarted, StartFailed)
        assert str(failure.value) == "No room."
        assert told(listener)[-1] == "dead"
        self.over(session, Reason.CRASHED)

    def test_a_session_that_is_stopped_meanwhile_does_not_restart(self) -> None:
        session, _ = self.begin_and_listen(lingering=True)
        restarted = session.restart()
        session.stop(Reason.STOPPED)
        self.failureResultOf(session.restart(), SessionEnded)
        self.kernel.end()
        self.failureResultOf(restarted, SessionEnded)
        self.failureResultOf(session.restart(), SessionEnded)
        assert len(self.host.kernels) == 1
        self.over(session, Reason.STOPPED)

    def test_a_cells_kernel_is_not_finished_by_its_restart(self) -> None:
        session = self.begin(timeout=0)
        listener = self.listen(session)
        running = code("x")
        listener.attachment.send(running)
        self.kernel.lingering = True
        restarted, old = session.restart(), self.kernel
        old.finish(running)
        assert not old.killed
        old.end()
        self.successResultOf(restarted)
        assert self.deaths == []

    def test_interrupts_work_after_a_restart(self) -> None:
        session, listener = self.begin_and_listen(answering=True)
        self.successResultOf(session.restart())
        listener.attachment.send(code("ignore"))
        session.interrupt()
        self.clock.pump([LIMITS.lifetime.interrupt_grace_seconds] * 2)
        assert self.deaths == [Reason.STOPPED]


class TurnTests(SessionTests):
    """The turn to start a kernel again."""

    def setUp(self) -> None:
        super().setUp()
        self.turn: Deferred[None] = Deferred()
        self.settled = 0

    def begin_in_turn(self) -> Session:
        session = self.begin(timeout=100)
        session.turn_to_restart = lambda: self.turn

        def settle(_: Session) -> None:
            self.settled += 1

        session.on_settled = settle
        self.listen(session)
        return session

    def test_nothing_happens_before_the_turn(self) -> None:
        session = self.begin_in_turn()
        restarted = session.restart()
        assert self.kernel.sent == []
        self.turn.callback(None)
        self.successResultOf(restarted)
        assert self.settled == 1

    def test_who_may_not_restart_keeps_the_kernel(self) -> None:
        session = self.begin_in_turn()
        self.turn = fail(Refused("too_many_starts", "Too many.", retry_after=1))
        self.failureResultOf(session.restart(), Refused)
        assert self.kernel.sent == []
        self.turn = Deferred()
        restarted = session.restart()
        self.turn.callback(None)
        self.successResultOf(restarted)
        assert self.settled == 1

    def test_the_turn_is_given_back_if_the_session_ends_instead(self) -> None:
        session = self.begin_in_turn()
        restarted = session.restart()
        session.stop(Reason.STOPPED)
        self.failureResultOf(restarted, SessionEnded)
        assert self.settled == 0
        self.turn.callback(None)
        assert self.settled == 1

    def test_the_turn_is_given_back_if_the_session_ends_during_it(self) -> None:
        session = self.begin_in_turn()
        self.kernel.lingering = True
        restarted = session.restart()
        self.turn.callback(None)
        session.stop(Reason.STOPPED)
        assert self.settled == 0
        self.kernel.end()
        self.failureResultOf(restarted, SessionEnded)
        assert self.settled == 1
