"""A fleet that is drained: nobody new, and those who are there end by themselves, or in the end."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.defer import Deferred

from sagecell_tx.limits import AdmissionLimits, LifetimeLimits, Limits
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.testing.listeners import MemoryListener
from tests.sessions.fleet.test_fleet import FleetCase

LIMITS = Limits(
    admission=AdmissionLimits(kernels=2, queue_length=5),
    lifetime=LifetimeLimits(drain_seconds=300, warning_seconds=60, stop_grace_seconds=1),
)


def warnings(listener: MemoryListener) -> list[dict[str, Any]]:
    """What a listener was warned of."""
    said = [each for each in listener.received if each.msg_type == "sagecell_warning"]
    return [each.parsed_content() for each in said]


class DrainingTests(FleetCase):
    limits = LIMITS

    def listened(self) -> tuple[Session, MemoryListener]:
        """A session, and its listener."""
        session = self.open(timeout=600)
        return session, MemoryListener().attach(session.attach)

    def pass_time(self, seconds: float) -> None:
        self.clock.pump([0.1] * round(10 * seconds))

    def test_an_empty_one_is_drained_at_once(self) -> None:
        assert self.fleet.draining is None
        self.successResultOf(self.fleet.drain())
        assert self.refusal() == "draining"
        self.empty()

    def test_it_waits_for_the_last_session(self) -> None:
        sessions = [self.open(timeout=600) for _ in range(2)]
        drained = self.fleet.drain()
        for session in sessions:
            self.pass_time(10)
            self.assertNoResult(drained)
            self.host.kernels[session is sessions[1]].end()
        assert self.fleet.draining == 280
        self.pass_time(0.1)
        self.successResultOf(drained)
        self.empty()

    def test_listeners_are_told_how_long_they_have(self) -> None:
        _, listener = self.listened()
        self.fleet.drain()
        (warning,) = warnings(listener)
        sentence = "The server is being restarted. The session ends in 300 seconds at the latest."
        assert warning == {"reason": "draining", "seconds": 300.0, "message": sentence}
        self.pass_time(240.5)
        assert [each["seconds"] for each in warnings(listener)] == [300, 60]

    def test_a_short_time_is_told_once(self) -> None:
        lifetime = attrs.evolve(LIMITS.lifetime, drain_seconds=100)
        self.limits = attrs.evolve(LIMITS, lifetime=lifetime)
        self.setUp()
        _, listener = self.listened()
        drained = self.fleet.drain()
        self.pass_time(100.2)
        assert [each["seconds"] for each in warnings(listener)] == [100]
        self.successResultOf(drained)
        self.successResultOf(self.stopped())

    def stopped(self) -> Deferred[None]:
        """Stop the fleet, and let the grace period pass."""
        stopped = self.fleet.stopService()
        self.pass_time(2)
        return stopped

    def test_who_is_left_is_ended_as_draining(self) -> None:
        session, listener = self.listened()
        drained = self.fleet.drain()
        self.pass_time(299)
        assert session.running
        self.assertNoResult(drained)
        self.pass_time(1.1)
        self.successResultOf(drained)
        self.successResultOf(self.stopped())
        assert listener.closed == ["draining"]
        self.empty()

    def test_who_waits_has_a_turn_and_is_told(self) -> None:
        first, _ = self.open(timeout=600), self.open(timeout=600)
        waiting = self.fleet.open(Visitor(), timeout=600)
        drained = self.fleet.drain()
        self.pass_time(20)
        first.stop(Reason.STOPPED)
        self.pass_time(2)
        session = self.successResultOf(waiting)
        listener = MemoryListener().attach(session.attach)
        assert 277 <= warnings(listener)[0]["seconds"] <= 280
        self.assertNoResult(drained)

    def test_the_completer_is_not_waited_for(self) -> None:
        self.open(timeout=600, purpose=Purpose.COMPLETER)
        self.successResultOf(self.fleet.drain())
        self.failureResultOf(
            self.fleet.open(Visitor(purpose=Purpose.COMPLETER), timeout=0), Refused
        )

    def test_who_polls_reads_the_rest_first(self) -> None:
        session = self.open(timeout=600)
        session.attach(MemoryListener(slow=True), "").detach()
        drained = self.fleet.drain()
        self.host.latest.end()
        self.pass_time(5)
        self.assertNoResult(drained)
        MemoryListener().attach(lambda listener: session.attach(listener, ""))
        self.pass_time(0.2)
        self.successResultOf(drained)

    def test_who_reads_slowly_reads_the_rest_first(self) -> None:
        session = self.open(timeout=600)
        listener = MemoryListener(slow=True).attach(session.attach)
        drained = self.fleet.drain()
        self.host.latest.end()
        self.pass_time(5)
        self.assertNoResult(drained)
        listener.read_all()
        self.pass_time(0.2)
        self.successResultOf(drained)

    def test_answers_are_waited_for(self) -> None:
        answered: list[bool] = []
        self.fleet.has_answered = lambda: bool(answered)
        drained = self.fleet.drain()
        self.pass_time(5)
        self.assertNoResult(drained)
        answered.append(True)
        self.pass_time(0.2)
        self.successResultOf(drained)

    def test_a_fleet_that_is_stopped_meanwhile_leaves_no_timer(self) -> None:
        session, _ = self.listened()
        drained = self.fleet.drain()
        self.successResultOf(self.stopped())
        assert not session.running
        self.assertNoResult(drained)
        self.empty()
        self.fleet.startService()
        assert self.fleet.draining is None
        self.open()
