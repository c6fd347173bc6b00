"""The last messages of ended sessions are kept for resumable clients: some, for a while."""

from __future__ import annotations

from attrs import evolve

from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.fleet.retention import EndedSessions
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.testing.listeners import MemoryListener
from tests.sessions.sessioncase import LIMITS, SessionTests


class LastWordsTests(SessionTests):
    def dead(self, kernel_id: str, *, said: int = 0) -> Session:
        """A session that has ended while a client of its was away."""
        session = self.begin()
        session.kernel_id = kernel_id
        session.attach(MemoryListener(slow=True), "").detach()
        self.kernel.stream("x" * said)
        session.stop(Reason.STOPPED)
        return session

    def kept(self, words: EndedSessions, *kernel_ids: str) -> list[str]:
        return [kernel_id for kernel_id in kernel_ids if words.get(kernel_id) is not None]

    def test_they_are_kept_for_a_while(self) -> None:
        words = EndedSessions(clock=self.clock, limits=LIMITS.lifetime)
        session = self.dead("a")
        words.keep(session)
        self.clock.advance(LIMITS.lifetime.resumable_seconds - 1)
        assert words.get("a") is session
        self.clock.advance(1)
        assert words.get("a") is None
        assert self.clock.getDelayedCalls() == []

    def test_the_oldest_go_when_there_are_too_many(self) -> None:
        words = EndedSessions(clock=self.clock, limits=evolve(LIMITS.lifetime, retained_sessions=2))
        for kernel_id in "abc":
            words.keep(self.dead(kernel_id))
        assert self.kept(words, *"abc") == ["b", "c"]

    def test_the_oldest_go_when_they_are_too_large(self) -> None:
        words = EndedSessions(
            clock=self.clock, limits=evolve(LIMITS.lifetime, retained_bytes=25_000)
        )
        for kernel_id in "abc":
            words.keep(self.dead(kernel_id, said=10_000))
        assert self.kept(words, *"abc") == ["b", "c"]
        words.keep(self.dead("d", said=30_000))
        assert len(words) == 0

    def test_those_go_first_for_whom_nobody_will_come(self) -> None:
        words = EndedSessions(clock=self.clock, limits=evolve(LIMITS.lifetime, retained_sessions=2))
        sessions = [self.dead(kernel_id) for kernel_id in "abc"]
        words.keep(sessions[0])
        words.keep(sessions[1])
        sessions[1].attach(MemoryListener(), "").detach_for_good()
        words.keep(sessions[2])
        assert self.kept(words, *"abc") == ["a", "c"]

    def test_at_the_end_nothing_is_left(self) -> None:
        words = EndedSessions(clock=self.clock, limits=LIMITS.lifetime)
        words.keep(self.dead("a"))
        words.clear()
        assert len(words) == 0
        assert self.clock.getDelayedCalls() == []


class ResumableSessionTests(SessionTests):
    def test_a_client_with_a_cursor_has_longer_to_come_back(self) -> None:
        session = self.begin(timeout=900)
        session.attach(MemoryListener(), "").detach()
        self.clock.advance(LIMITS.lifetime.detached_seconds)
        self.clock.advance(LIMITS.lifetime.resumable_seconds - 1)
        assert session.running
        self.clock.advance(1)
        self.over(session, Reason.DETACHED)

    def test_what_it_had_not_got_is_there_when_it_comes(self) -> None:
        session = self.begin(timeout=900)
        session.attach(MemoryListener(slow=True), "").detach()
        self.clock.advance(LIMITS.lifetime.detached_seconds)
        self.kernel.stream("meanwhile")
        assert MemoryListener().attach(lambda who: session.attach(who, "", 0)).text == "meanwhile"
        self.clock.advance(LIMITS.lifetime.resumable_seconds + 1)
        assert session.running
