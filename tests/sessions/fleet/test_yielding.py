"""A kernel that nobody listens to is kept long only while there is room."""

from __future__ import annotations

import math

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from sagecell_tx.limits import AdmissionLimits, LifetimeLimits, Limits
from sagecell_tx.sessions.admission.starts import Starts
from sagecell_tx.sessions.admission.visitors import Visitor
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.originator import Originator
from sagecell_tx.sessions.spec import PYTHON
from sagecell_tx.testing.hosts import MemoryHost
from sagecell_tx.testing.listeners import MemoryListener
from tests.sessions.samples import DATE, ids
from tests.sessions.slowstore import SlowStore

LIMITS = Limits(
    admission=AdmissionLimits(kernels=2, queue_seconds=600),
    lifetime=LifetimeLimits(
        stop_grace_seconds=1, detached_seconds=0, unclaimed_seconds=60, resumable_seconds=120
    ),
)


class YieldingTests(SynchronousTestCase):
    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.host = MemoryHost()
        self.fleet = Fleet(
            host=self.host,
            spec=PYTHON,
            files=SlowStore(prompt=True),
            limits=LIMITS,
            clock=self.clock,
            originator=Originator(new_id=ids(), now=lambda: DATE),
            starts=Starts(at_once=1000, each=1000, clock=self.clock),
        )
        self.fleet.startService()

    @override
    def tearDown(self) -> None:
        """Check that nothing is left, not even a timer."""
        self.successResultOf(self.fleet.stopService())
        assert self.host.alive == []
        assert self.clock.getDelayedCalls() == []

    def ask(self, *, lasting: bool = True) -> Deferred[Session]:
        return self.fleet.open(Visitor(), timeout=math.inf, lasting=lasting)

    def open(self, *, lasting: bool = True) -> Session:
        return self.successResultOf(self.ask(lasting=lasting))

    def wait(self, seconds: int) -> None:
        self.clock.pump([1.0] * seconds)

    def test_it_is_kept_while_nobody_waits(self) -> None:
        first = self.open()
        self.wait(600)
        assert not first.ending

    def test_the_one_that_was_left_first_makes_room(self) -> None:
        first, second = self.open(), self.open()
        self.wait(30)
        MemoryListener().attach(first.attach).attachment.detach()
        self.wait(600)
        waiting = self.ask(lasting=False)
        dead = second.when_dead()
        self.wait(1)
        assert self.successResultOf(dead).value == "displaced"
        self.successResultOf(waiting)
        self.wait(10)
        assert not first.ending  # one was enough
        self.successResultOf(self.ask())
        assert first.ending

    def test_each_has_the_time_of_a_cells(self) -> None:
        left, unclaimed = self.open(), self.open()
        listener = MemoryListener().attach(left.attach)
        self.wait(50)
        listener.attachment.detach()
        waiting = [self.ask(), self.ask()]
        self.wait(9)
        assert not unclaimed.ending
        self.wait(2)
        self.successResultOf(waiting[0])
        self.wait(108)
        assert not left.ending
        self.wait(3)
        self.successResultOf(waiting[1])

    def test_who_has_a_listener_stays_and_so_do_cells(self) -> None:
        heard, cell = self.open(), self.open(lasting=False)
        for each in (heard, cell):
            MemoryListener().attach(each.attach)
        waiting = self.ask()
        self.wait(300)
        assert not heard.ending
        assert not cell.ending
        waiting.cancel()
        self.failureResultOf(waiting)
        self.wait(1)
