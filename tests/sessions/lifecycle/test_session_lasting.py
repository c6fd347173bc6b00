"""A lasting session ends a while after its last activity; what is no activity does not delay that."""

from __future__ import annotations

from sagecell_tx.sessions.endreasons import Reason
from tests.sessions.samples import code
from tests.sessions.sessioncase import LIMITS, SessionTests


class LastingTests(SessionTests):
    def test_a_listener_that_comes_back_is_no_activity(self) -> None:
        session = self.begin(timeout=100, lasting=True)
        for _ in range(9):
            listener = self.listen(session)
            self.clock.advance(10)
            listener.attachment.detach()
        self.listen(session)
        self.clock.advance(9)
        assert self.deaths == []
        self.clock.advance(1)
        self.over(session, Reason.IDLE)

    def test_in_a_session_of_a_cell_it_is(self) -> None:
        session = self.begin(timeout=100)
        for _ in range(11):
            listener = self.listen(session)
            self.clock.advance(10)
            listener.attachment.detach()
        assert self.deaths == []
        self.clock.advance(LIMITS.lifetime.detached_seconds)
        self.over(session, Reason.DETACHED)

    def test_a_request_and_its_end_are_activity(self) -> None:
        session = self.begin(timeout=100, lasting=True)
        listener = self.listen(session)
        self.clock.advance(99)
        program = code("1")
        listener.attachment.send(program)
        self.clock.advance(500)
        assert session.last_activity == self.clock.seconds()
        self.kernel.finish(program)
        ended = self.clock.seconds()
        self.clock.advance(99)
        assert session.last_activity == ended
        assert self.deaths == []
        self.clock.advance(1)
        self.over(session, Reason.IDLE)

    def test_its_state_in_jupyters_words(self) -> None:
        session = self.begin(prompt=False, lasting=True, timeout=100)
        assert session.execution_state == "starting"
        self.kernel.come_up()
        assert session.execution_state == "idle"
        listener = self.listen(session)
        assert session.audience.listening == 1
        program = code("1")
        listener.attachment.send(program)
        assert session.execution_state == "busy"
        self.kernel.finish(program)
        assert session.execution_state == "idle"
        session.stop(Reason.STOPPED)
        self.over(session, Reason.STOPPED)
        assert session.execution_state == "dead"
        assert session.audience.listening == 0
