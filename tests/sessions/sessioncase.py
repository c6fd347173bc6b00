"""What all tests of a session need: a host in memory, a clock, and callbacks for the end."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.limits import LifetimeLimits, Limits, MessageLimits
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.lifecycle.runpermalinks import RunPermalinks
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.originator import Originator
from sagecell_tx.sessions.spec import PYTHON
from sagecell_tx.testing.hosts import MemoryHost, MemoryKernel
from sagecell_tx.testing.listeners import MemoryListener

from .samples import DATE, KERNEL_ID, ids
from .slowstore import SlowStore

LIMITS = Limits(
    lifetime=LifetimeLimits(
        start_seconds=15,
        unclaimed_seconds=60,
        idle_seconds=900,
        detached_seconds=10,
        total_seconds=1800,
        stop_grace_seconds=1,
    ),
    messages=MessageLimits(stalled_seconds=60),
)


class SessionTests(SynchronousTestCase):
    """What all tests of a session need."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.host = MemoryHost()
        self.store = SlowStore(prompt=True)
        self.deaths: list[Reason] = []

    def begin(self, *, timeout: float = 0, lasting: bool = False, **host: Any) -> Session:
        for name, value in host.items():
            setattr(self.host, name, value)
        session = Session(
            kernel_id=KERNEL_ID,
            spec=PYTHON,
            host=self.host,
            files=self.store,
            permalinks=RunPermalinks(clock=self.clock),
            limits=LIMITS,
            clock=self.clock,
            originator=Originator(new_id=ids(), now=lambda: DATE),
            on_settled=lambda _: None,
            on_stopping=lambda _: None,
            on_dead=lambda _, reason: self.deaths.append(reason),
            timeout=timeout,
            lasting=lasting,
        )
        session.start()
        return session

    @property
    def kernel(self) -> MemoryKernel:
        return self.host.latest

    def listen(self, session: Session, *, slow: bool = False) -> MemoryListener:
        return MemoryListener(slow).attach(session.attach)

    def over(self, session: Session, reason: Reason) -> None:
        """The session has ended for this reason, and nothing is left."""
        assert self.successResultOf(session.when_dead()) is reason
        assert self.deaths == [reason]
        assert self.host.alive == []
        assert self.clock.getDelayedCalls() == []
