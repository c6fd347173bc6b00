"""Long messages that nobody reads have so many bytes together, while their kernels live."""

from __future__ import annotations

from attrs import evolve

from sagecell_tx.limits import AdmissionLimits, MessageLimits
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.testing.listeners import MemoryListener
from tests.sessions.fleet.test_fleet import LIMITS, FleetCase
from tests.sessions.samples import code


class LongMessagesTests(FleetCase):
    limits = evolve(
        LIMITS,
        admission=AdmissionLimits(kernels=30),
        messages=MessageLimits(
            message_log_bytes=1000, kernel_message_bytes=12_500, waiting_bytes=10_000
        ),
    )

    def begin(self, address: str, said: int) -> tuple[Session, MemoryListener]:
        """A session with so many bytes of output, and its client, which reads nothing."""
        session = self.open(address=address, timeout=60)
        listener = MemoryListener(slow=True)
        listener.attachment = session.attach(listener)
        self.host.latest.stream("x" * said)
        self.clock.advance(0)
        return session, listener

    def test_of_who_has_the_most_the_session_with_the_most_ends(self) -> None:
        sessions = [
            self.begin(address, said)
            for address, said in (
                ("192.0.2.1", 7_000),
                ("198.51.100.1", 9_000),
                ("192.0.2.1", 5_000),
            )
        ]
        assert len(self.fleet) == 3
        sessions.append(self.begin("203.0.113.1", 5_000))
        assert [session.ending for session, _ in sessions] == [True, False, False, False]
        first, slow = sessions[0]
        assert (slow.closed, slow.read()) == (["unread"], [])
        assert first.kept < 1_000
        late = MemoryListener().attach(first.attach)
        assert "did not read" in late.received[-1].parsed_content()["message"]
        assert late.closed == ["unread"]
        for _, listener in sessions[1:]:
            listener.read_all()
            assert listener.closed == []

    def test_what_is_read_does_not_count(self) -> None:
        for _ in range(5):
            session, listener = self.begin("192.0.2.1", 10_000)
            listener.read_all()
            assert not session.ending
        assert len(self.fleet) == 5

    def test_what_is_as_long_as_other_output_does_not_count(self) -> None:
        for _ in range(20):
            self.begin("192.0.2.1", 1_500)
        assert len(self.fleet) == 20

    def test_replies_whose_other_end_does_not_come_count(self) -> None:
        sessions = []
        for number in range(3):
            session = self.open(address="192.0.2.1", timeout=60)
            listener = MemoryListener().attach(session.attach)
            asked = code("1", f"r{number}")
            listener.attachment.send(asked)
            self.host.latest.reply(asked, {"status": "ok", "text": "x" * 10_000})
            self.clock.advance(0)
            sessions.append(session)
        assert [session.ending for session in sessions] == [True, False, False]

    def test_what_the_same_client_frees_with_another_does_not_count_any_more(self) -> None:
        (first, slow), (second, same) = (self.begin("192.0.2.1", said) for said in (7_500, 7_000))
        for listener in (slow, same):
            listener.read()
        assert (first.kept > 7_500, second.kept > 7_000) == (True, True)
        slow.on_close = same.attachment.detach
        third, _ = self.begin("192.0.2.1", 7_000)
        assert not first.ending
        fourth, _ = self.begin("198.51.100.1", 12_000)
        assert [each.ending for each in (first, second, third, fourth)] == [True, *[False] * 3]

    def test_sessions_that_are_ending_count_as_well(self) -> None:
        sessions = []
        for _ in range(4):
            session, _ = self.begin("192.0.2.1", 1)
            sessions.append((session, self.host.latest))
        for session, kernel in sessions:
            kernel.stubborn = True
            session.stop(Reason.STOPPED)
        for _, kernel in sessions:
            kernel.stream("x" * 9_000)
            self.clock.advance(0)
        assert sum(session.kept for session, _ in sessions) < 25_000
        assert [session.kept > 9_000 for session, _ in sessions].count(False) == 2
