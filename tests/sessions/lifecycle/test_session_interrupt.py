"""The Stop button, from request to effect: one press is enough, whatever runs."""

from __future__ import annotations

from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.requests.interrupts import UNSEEN
from sagecell_tx.testing.listeners import MemoryListener
from sagecell_tx.wire.messages import CONTROL, SHELL, Message
from tests.sessions.samples import code, request
from tests.sessions.sessioncase import LIMITS, SessionTests

GRACE = LIMITS.lifetime.interrupt_grace_seconds


def interrupt(msg_id: str = "i1") -> Message:
    return request(msg_id, "interrupt_request", channel=CONTROL)


class InterruptTests(SessionTests):
    def run_program(self, text: str, *, timeout: float = 900) -> tuple[Session, MemoryListener]:
        session = self.begin(timeout=timeout, answering=True, stubborn=True)
        listener = self.listen(session)
        listener.attachment.send(code(text))
        return session, listener

    def goes_on(self, listener: MemoryListener) -> None:
        """Long after all grace periods, the kernel still runs requests."""
        self.clock.advance(3 * GRACE)
        listener.attachment.send(code("print on", "r9"))
        assert listener.text.endswith("on\n")
        assert not self.kernel.killed
        assert self.deaths == []

    def test_an_ordinary_loop_keeps_its_session(self) -> None:
        _, listener = self.run_program("hang")
        listener.attachment.send(interrupt())
        assert listener.kinds[-1] == "interrupt_reply"
        self.goes_on(listener)
        assert self.kernel.interrupts == 1

    def test_a_loop_that_keeps_the_kernel_from_reading_is_interrupted_from_outside(self) -> None:
        _, listener = self.run_program("hold")
        listener.attachment.send(interrupt())
        self.clock.advance(UNSEEN - 0.1)
        assert self.kernel.interrupts == 0
        self.clock.advance(0.1)
        assert self.kernel.interrupts == 1
        assert listener.kinds[-3:] == ["error", "execute_reply", "status"]
        self.goes_on(listener)

    def test_what_heeds_nothing_is_killed(self) -> None:
        session, listener = self.run_program("ignore")
        listener.attachment.send(interrupt())
        self.clock.advance(GRACE)
        self.clock.advance(GRACE - 0.1)
        assert self.deaths == []
        self.clock.advance(0.1)
        assert self.kernel.killed
        assert listener.closed == ["stopped"]
        self.over(session, Reason.STOPPED)

    def test_the_facade_interrupts_as_a_client_does(self) -> None:
        session, _ = self.run_program("ignore")
        session.interrupt()
        assert self.kernel.interrupts == 1
        self.clock.pump([GRACE, GRACE])
        self.over(session, Reason.STOPPED)

    def test_impatience_does_not_buy_time(self) -> None:
        session, listener = self.run_program("ignore")
        for number in range(8):
            listener.attachment.send(interrupt(f"i{number}"))
            self.clock.advance(GRACE / 4)
        self.over(session, Reason.STOPPED)

    def test_what_is_sent_later_is_not_killed_for_what_was_before(self) -> None:
        session, listener = self.run_program("hold")
        listener.attachment.send(interrupt())
        listener.attachment.send(code("ignore", "r2"))
        self.clock.pump([GRACE, GRACE, GRACE])
        assert self.deaths == []
        listener.attachment.send(interrupt("i2"))
        self.clock.pump([GRACE, GRACE])
        self.over(session, Reason.STOPPED)

    def test_an_end_that_a_slow_reader_keeps_back_counts(self) -> None:
        session = self.begin(timeout=900)
        slow = self.listen(session, slow=True)
        asked = code("1")
        slow.attachment.send(asked)
        while not self.kernel.paused:
            self.kernel.publish("display_data", {"data": {"text/plain": "x" * 50_000}}, asked)
        slow.attachment.send(interrupt())
        self.kernel.finish(asked)
        slow.attachment.send(interrupt("i2"))
        self.clock.pump([GRACE, GRACE, GRACE])
        assert self.deaths == []
        slow.read_all()
        assert slow.kinds[-2:] == ["execute_reply", "status"]

    def test_a_reply_that_the_interrupt_has_cost_is_made_up(self) -> None:
        """A stock ipykernel interrupted between the cell and its reply is idle and has sent none."""
        session = self.begin(timeout=900)
        listener = self.listen(session)
        asked = code("1")
        listener.attachment.send(asked)
        session.interrupt()
        self.kernel.status("idle", asked)
        assert (session.execution_state, listener.kinds) == ("busy", [])
        self.clock.advance(GRACE)
        assert (session.execution_state, listener.kinds) == ("idle", ["execute_reply", "status"])
        reply = listener.received[0]
        assert (reply.channel, reply.parent_id) == (SHELL, asked.msg_id)
        assert reply.parsed_content()["status"] == "aborted"
        # The kernel has obeyed: nothing else follows.
        self.clock.pump([GRACE, GRACE, GRACE])
        assert (self.kernel.interrupts, self.deaths) == (1, [])

    def test_one_that_comes_late_is_the_only_one(self) -> None:
        session = self.begin(timeout=900)
        listener = self.listen(session)
        asked = code("1")
        listener.attachment.send(asked)
        session.interrupt()
        self.kernel.status("idle", asked)
        self.clock.advance(GRACE - 0.1)
        self.kernel.reply(asked)
        self.clock.pump([GRACE, GRACE])
        assert listener.kinds == ["execute_reply", "status"]
        assert listener.received[0].parsed_content()["status"] == "ok"
        assert (self.kernel.interrupts, self.deaths) == (1, [])

    def test_what_still_runs_beside_it_is_interrupted_again(self) -> None:
        session = self.begin(timeout=900)
        listener = self.listen(session)
        first, second = code("1"), code("2", "r2")
        for asked in (first, second):
            listener.attachment.send(asked)
        session.interrupt()
        self.kernel.status("idle", first)
        self.clock.advance(GRACE)
        assert listener.kinds == ["execute_reply", "status"]
        assert self.kernel.interrupts == 2
        self.clock.advance(GRACE)
        self.over(session, Reason.STOPPED)

    def test_an_idle_kernel_is_interrupted_for_nothing(self) -> None:
        _, listener = self.run_program("print done")
        listener.attachment.send(interrupt())
        self.goes_on(listener)

    def test_with_nothing_left_to_do_the_session_is_finished(self) -> None:
        session, listener = self.run_program("hang", timeout=0)
        listener.attachment.send(interrupt())
        self.clock.advance(LIMITS.lifetime.stop_grace_seconds)
        assert listener.closed == ["finished"]
        self.over(session, Reason.FINISHED)

    def test_an_interrupt_after_the_first_reason_changes_nothing(self) -> None:
        session, listener = self.run_program("ignore")
        session.stop(Reason.DRAINING)
        listener.attachment.send(interrupt())
        self.clock.advance(LIMITS.lifetime.stop_grace_seconds)
        self.over(session, Reason.DRAINING)

    def test_a_kernel_that_ends_meanwhile_leaves_no_timer(self) -> None:
        session, listener = self.run_program("ignore")
        listener.attachment.send(interrupt())
        self.kernel.end()
        self.over(session, Reason.CRASHED)
