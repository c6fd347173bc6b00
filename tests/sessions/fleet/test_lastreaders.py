"""Slow readers of sessions that have ended wait for so many bytes together."""

from __future__ import annotations

from attrs import evolve

from sagecell_tx.limits import RequestLimits
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.listeners.audience import STALLED
from sagecell_tx.testing.listeners import MemoryListener
from tests.sessions.fleet.test_fleet import LIMITS, FleetCase


class LastReadersTests(FleetCase):
    limits = evolve(LIMITS, requests=RequestLimits(unread_answer_bytes=25_000))

    def ended(self, address: str, *, said: int = 10_000, name: str | None = None) -> MemoryListener:
        """A slow listener of a session that has ended."""
        session = self.open(address=address, timeout=60)
        listener = MemoryListener(slow=True)
        listener.attachment = session.attach(listener, name)
        self.host.latest.stream("x" * said)
        session.stop(Reason.STOPPED)
        return listener

    def test_few_read_to_the_end(self) -> None:
        slow = [self.ended(f"192.0.2.{number}") for number in (1, 2)]
        for each in slow:
            each.read_all()
            assert (len(each.text), each.closed) == (10_000, ["stopped"])
        self.empty()

    def test_who_has_the_most_loses_the_oldest(self) -> None:
        first = self.ended("198.51.100.1", said=9000)
        slow = [self.ended("192.0.2.1", name=name) for name in (None, "")]
        assert [each.closed for each in (first, *slow)] == [[], [STALLED], []]
        assert slow[0].read() == []
        slow[1].attachment.detach_for_good()
        first.read_all()
        assert (len(first.text), first.closed) == (9000, ["stopped"])
        self.fleet.ended.clear()
        self.empty()

    def test_one_that_is_too_long_alone(self) -> None:
        assert self.ended("192.0.2.1", said=30_000).closed == [STALLED]
        self.empty()

    def test_what_was_read_meanwhile_does_not_count(self) -> None:
        for _ in range(5):
            one = self.ended("192.0.2.1")
            one.read_all()
            assert one.closed == ["stopped"]
        kept = self.ended("192.0.2.1")
        assert kept.closed == []
        kept.attachment.detach()
        self.empty()

    def test_what_was_read_and_is_not_written_counts(self) -> None:
        """A transport reads more when it has written what it read before, however long that is."""
        slow = []
        for number in range(3):
            session = self.open(address="192.0.2.1", timeout=60)
            one = MemoryListener(slow=True)
            one.attachment = session.attach(one)
            self.host.latest.stream("x" * 10_000)
            assert one.read()
            session.stop(Reason.STOPPED)
            assert self.fleet.unread_of_ended > 10_000 * min(number + 1, 2)
            slow.append(one)
        assert [each.closed for each in slow] == [[STALLED], [], []]
        for each in slow[1:]:
            each.read_all()
            assert each.closed == ["stopped"]
        self.empty()

    def test_who_comes_as_the_session_ends_and_is_not_found_again_has_nothing_kept(self) -> None:
        """A request may have found it, and be parsed when it ends."""
        for come in (
            lambda session: session.audience.touch("late"),
            lambda session: session.attach(MemoryListener(slow=True), "late", 0).detach(),
        ):
            for name in (None, "away"):
                session = self.open(timeout=60)
                listener = MemoryListener(slow=True)
                listener.attachment = session.attach(listener, name)
                self.host.latest.stream("x" * 10_000)
                session.stop(Reason.STOPPED)
                self.fleet.ended.clear()
                come(session)
                listener.attachment.detach()
                assert self.fleet.unread_of_ended == 0
                assert (session.kept < 1_000, session.audience.awaits_return) == (True, False)
        self.empty()

    def test_who_cannot_come_back_any_more_has_nothing_kept(self) -> None:
        away = self.ended("192.0.2.1", name="")
        away.attachment.detach()
        reading = self.ended("192.0.2.2", name="")
        assert self.fleet.unread_of_ended > 20_000
        self.fleet.ended.clear()
        assert 10_000 < self.fleet.unread_of_ended < 20_000
        reading.read_all()
        assert reading.closed == ["stopped"]
        assert self.fleet.unread_of_ended == 0
        self.empty()

    def test_what_clients_fetch_that_came_back_counts(self) -> None:
        """They count as listeners from then on, though their sessions are no longer kept for others."""
        early = self.ended("192.0.2.1", name="")
        early.attachment.detach()
        session = self.fleet.ended.get(self.host.kernels[0].kernel_id)
        assert session is not None
        again = MemoryListener(slow=True)
        again.attachment = session.attach(again, "")
        others = [self.ended("192.0.2.1"), self.ended("192.0.2.1")]
        assert [each.closed for each in (again, *others)] == [[STALLED], [], []]
        for each in others:
            each.attachment.detach()
        self.fleet.ended.clear()
