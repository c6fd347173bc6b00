"""Fleets of several workers, whose sessions begin, restart and make room by the keeper's leave."""

from __future__ import annotations

import math

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from sagecell_tx.limits import AdmissionLimits, LifetimeLimits, Limits
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.starts import Starts
from sagecell_tx.sessions.admission.visitors import Visitor
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.originator import Originator
from sagecell_tx.sessions.spec import PYTHON
from sagecell_tx.testing.hosts import MemoryHost
from sagecell_tx.workers.protocol import AliveAnswer, AliveQuestion, Drain, Wanted
from sagecell_tx.workers.sharedplaces import GRACE
from tests.sessions.samples import DATE, ids
from tests.sessions.slowstore import SlowStore
from tests.workers.shared import SharedWorld

LIMITS = Limits(
    admission=AdmissionLimits(kernels=1, queue_seconds=600),
    lifetime=LifetimeLimits(stop_grace_seconds=1, unclaimed_seconds=60, resumable_seconds=120),
)


class FleetTests(SynchronousTestCase):
    @override
    def setUp(self) -> None:
        self.world = SharedWorld(LIMITS.admission)
        self.hosts = [MemoryHost(), MemoryHost()]
        self.fleets = [
            Fleet(
                host=host,
                spec=PYTHON,
                files=SlowStore(prompt=True),
                limits=LIMITS,
                clock=self.world.clock,
                originator=Originator(new_id=ids(), now=lambda: DATE),
                starts=Starts(at_once=9, each=9, clock=self.world.clock),
                shared=worker.places.pools,
            )
            for host, worker in zip(self.hosts, self.world.workers, strict=True)
        ]
        for fleet, worker in zip(self.fleets, self.world.workers, strict=True):
            worker.places.on_wanted = fleet.make_room
            fleet.startService()

    @override
    def tearDown(self) -> None:
        stopped = [fleet.stopService() for fleet in self.fleets]
        self.world.settle()
        self.world.clock.pump([1.0] * 5)
        self.world.settle()
        for each in stopped:
            self.successResultOf(each)
        assert all(pool.is_empty for pool in self.world.pools.values())
        assert [host.alive for host in self.hosts] == [[], []]
        assert self.world.clock.getDelayedCalls() == []

    def ask(self, number: int, *, lasting: bool = True) -> Deferred[Session]:
        asked = self.fleets[number].open(Visitor(), timeout=math.inf, lasting=lasting)
        self.world.settle()
        return asked

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.world.clock.advance(1.0)
            self.world.settle()

    def test_a_session_of_one_makes_room_for_who_waits_at_another(self) -> None:
        first = self.successResultOf(self.ask(0))
        self.wait(100)
        waiting = self.ask(1, lasting=False)
        self.wait(5)
        ending = [first.ending]  # not before the keeper says so
        self.world.workers[0].places.receive(Wanted(1))
        assert [*ending, first.ending] == [False, True]
        self.wait(5)
        self.successResultOf(waiting)
        self.world.workers[0].places.receive(Wanted(0))

    def test_a_restart_is_the_keepers_to_allow(self) -> None:
        session = self.successResultOf(self.ask(0))
        restarted = session.restart()
        self.assertNoResult(restarted)
        for _ in range(10):
            self.wait(1)
        self.successResultOf(restarted)
        assert len(self.hosts[0].alive) == 1

    def test_a_restart_that_the_keeper_does_not_answer_is_refused(self) -> None:
        session = self.successResultOf(self.ask(0))
        for _ in range(3):
            self.wait(1)
        restarted = session.restart()
        with capturedLogs() as events:
            self.world.clock.advance(GRACE)
        self.failureResultOf(restarted, Refused)
        assert [event["log_level"].name for event in events] == ["error"]
        self.world.settle()  # too late
        assert session.running

    def test_what_was_released_is_not_asked_to_be_restarted(self) -> None:
        """The keeper ends a worker that asks for what makes no sense, and all its sessions."""
        worker = self.world.workers[0]
        asked = worker.admission.admit(Visitor(), patience=60)
        self.world.settle()
        place = self.successResultOf(asked)
        place.release()
        self.failureResultOf(place.start_again(), Refused)
        self.world.settle()

    def test_the_end_of_the_keeper_refuses_who_waits(self) -> None:
        self.successResultOf(self.ask(0))
        waiting = self.ask(1)
        self.world.workers[1].places.lose()
        self.failureResultOf(waiting, Refused)

    def test_a_question_is_answered(self) -> None:
        worker = self.world.workers[0]
        worker.places.receive(AliveQuestion(7))
        assert worker.to_keeper.pop() == AliveAnswer(7).line()

    def test_a_drain_is_passed_on(self) -> None:
        told: list[str] = []
        places = self.world.workers[0].places
        places.on_drain = lambda: told.append("drain")
        places.receive(Drain())
        assert told == ["drain"]
