"""Whatever visitors do in whatever order: budgets hold, the queue is fair, all is released."""

from __future__ import annotations

from attrs import define, field
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from sagecell_tx.limits import AdmissionLimits, Limits, Rate
from sagecell_tx.sessions.admission.queue import Position
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.starts import Starts
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.interfaces import Exit, StartFailed
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.originator import Originator
from sagecell_tx.sessions.spec import PYTHON
from sagecell_tx.testing.hosts import MemoryHost
from sagecell_tx.testing.listeners import MemoryListener
from tests.examples import at_most
from tests.sessions.samples import DATE, ids
from tests.sessions.slowstore import SlowStore

LIMITS = Limits(
    admission=AdmissionLimits(
        kernels=3,
        service_kernels=1,
        kernels_per_address=6,
        kernels_per_cell_session=2,
        starts_per_address=Rate(burst=8, per_minute=60),
        queue_length=4,
        queue_seconds=15,
    )
)

SIZES = {
    Purpose.KERNEL: LIMITS.admission.kernels,
    Purpose.SERVICE: LIMITS.admission.service_kernels,
}

visitors = st.builds(
    Visitor,
    purpose=st.sampled_from([Purpose.KERNEL, Purpose.KERNEL, Purpose.SERVICE]),
    address=st.sampled_from(["", "192.0.2.1", "192.0.2.2"]),
    cell_session=st.sampled_from(["", "", "", "page"]),
    key=st.sampled_from(["", "", "", "school"]),
)


@define(eq=False)
class AdmissionRequest:
    """One visitor's request, and its outcome."""

    visitor: Visitor
    opening: Deferred[Session] = field(init=False)
    told: list[Position] = field(factory=list)
    session: Session | None = None
    dead: list[Reason] = field(factory=list)
    gone: bool = False  # refused, or gave up while waiting

    @property
    def waits(self) -> bool:
        return self.session is None and not self.gone

    @property
    def holds(self) -> bool:
        return self.session is not None and not self.dead


class AdmissionMachine(RuleBasedStateMachine):
    """The model is a list of requests in order."""

    def __init__(self) -> None:
        super().__init__()
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
        self.requests: list[AdmissionRequest] = []
        self.refused = 0

    def waiting(self, purpose: Purpose) -> list[AdmissionRequest]:
        return [each for each in self.requests if each.waits and each.visitor.purpose is purpose]

    def leaves(self, request: AdmissionRequest) -> bool:
        """Whether its kernel was told to go, and lingers."""
        session = request.session
        return session is not None and any(
            kernel.going for kernel in self.host.kernels if kernel.kernel_id == session.kernel_id
        )

    def holding(self, purpose: Purpose) -> list[AdmissionRequest]:
        return [each for each in self.requests if each.holds and each.visitor.purpose is purpose]

    def opened(self, session: Session, request: AdmissionRequest) -> None:
        queue = self.waiting(request.visitor.purpose)
        assert request is queue[0], "first come, first served"
        request.session = session
        session.when_ready().addErrback(lambda failure: failure.trap(StartFailed) and None)
        session.when_dead().addCallback(request.dead.append)

    def not_opened(self, failure: Failure, request: AdmissionRequest) -> None:
        failure.trap(Refused, CancelledError)
        request.gone = True
        self.refused += failure.check(Refused) is not None

    @rule(
        visitor=visitors,
        number=st.sampled_from([1, 1, 2, 5]),
        prompt=st.booleans(),
        lingering=st.booleans(),
    )
    def come(self, visitor: Visitor, number: int, prompt: bool, lingering: bool) -> None:
        """One visitor comes, or a crowd with one address."""
        self.host.prompt, self.host.lingering = prompt, lingering
        for _ in range(number):
            self.ask(visitor)

    def ask(self, visitor: Visitor) -> None:
        free = len(self.holding(visitor.purpose)) < SIZES[visitor.purpose]
        request = AdmissionRequest(visitor)
        self.requests.append(request)
        request.opening = self.fleet.open(visitor, timeout=30, on_moved=request.told.append)
        request.opening.addCallbacks(
            lambda session: self.opened(session, request),
            lambda failure: self.not_opened(failure, request),
        )
        assert request.waits <= (not free)
        assert bool(request.told) == request.waits

    @precondition(lambda self: any(each.waits for each in self.requests))
    @rule(data=st.data())
    def cancel_while_queued(self, data: st.DataObject) -> None:
        waiting = [each for each in self.requests if each.waits]
        data.draw(st.sampled_from(waiting)).opening.cancel()

    @precondition(lambda self: any(each.holds for each in self.requests))
    @rule(
        data=st.data(),
        what=st.sampled_from(
            ["start_ok", "start_fail", "stop", "connect", "disconnect", "crash", "end"]
        ),
    )
    def happen(self, data: st.DataObject, what: str) -> None:
        """Something happens to a session; `stop` while it starts is a client that disconnects."""
        session = data.draw(st.sampled_from([each for each in self.requests if each.holds])).session
        assert session is not None
        kernel = next(each for each in self.host.kernels if each.kernel_id == session.kernel_id)
        starting = not kernel.coming.called
        if what == "start_ok" and starting:
            kernel.come_up()
        elif what == "start_fail" and starting:
            kernel.fail()
        elif what == "stop":
            session.stop(Reason.STOPPED)
        elif what == "connect":
            MemoryListener().attach(session.attach)
        elif what == "disconnect":
            MemoryListener().attach(session.attach).attachment.detach()
        elif what == "crash" and not starting:
            kernel.end(Exit(signal=11))
        elif what == "end" and kernel.going:
            kernel.end()

    @rule(seconds=st.sampled_from([0.5, 1, 10, 20, 60, 900]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def drain_and_reopen(self) -> None:
        self.drain()
        self.fleet.startService()

    def drain(self) -> None:
        stopped = self.fleet.stopService()
        assert not any(each.waits for each in self.requests)
        self.clock.advance(LIMITS.lifetime.stop_grace_seconds)
        for kernel in self.host.alive:
            kernel.end()
        assert stopped.called
        assert self.fleet.admission.is_untouched
        assert len(self.fleet) == 0

    @invariant()
    def the_places_are_right(self) -> None:
        for purpose, size in SIZES.items():
            holding, waiting = self.holding(purpose), self.waiting(purpose)
            pool = self.fleet.admission.pools[purpose]
            assert pool.taken == len(holding) <= size
            assert len(pool.queue) == len(waiting) <= LIMITS.admission.queue_length
            assert not waiting or len(holding) == size, "nobody waits for what is free"
        assert sum(self.fleet.admission.refused.values()) == self.refused

    @invariant()
    def everybody_knows_where_they_stand(self) -> None:
        for purpose in Purpose:
            for position, request in enumerate(self.waiting(purpose), 1):
                told = [where.position for where in request.told]
                assert told[-1] == position
                assert told == sorted(set(told), reverse=True), "forward, and each once"

    @invariant()
    def the_budgets_hold(self) -> None:
        for purpose in Purpose:
            counted = self.holding(purpose) + self.waiting(purpose)
            for address in ("192.0.2.1", "192.0.2.2"):
                mine = [e for e in counted if e.visitor.address == address and not e.visitor.key]
                assert len(mine) <= LIMITS.admission.kernels_per_address
                assert sum(each.waits for each in mine) <= LIMITS.admission.queue_length // 2
            page = [e for e in counted if e.visitor.cell_session and not self.leaves(e)]
            assert len(page) <= LIMITS.admission.kernels_per_cell_session

    def teardown(self) -> None:
        self.drain()
        for _ in range(3):
            self.clock.advance(LIMITS.messages.stalled_seconds)
        assert self.clock.getDelayedCalls() == []


AdmissionMachine.TestCase.settings = settings(
    max_examples=at_most(80),
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow],
)
test_any_requests = AdmissionMachine.TestCase
