"""Whatever happens to sessions in whatever order, every place is released exactly once."""

from __future__ import annotations

from attrs import define, field
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from sagecell_tx.limits import AdmissionLimits, Limits, MessageLimits
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.starts import Starts
from sagecell_tx.sessions.admission.visitors import Visitor
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.fleet.fleet import FAREWELL, Fleet
from sagecell_tx.sessions.interfaces import Exit, StartFailed
from sagecell_tx.sessions.lifecycle.bridge import Undeliverable
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.originator import Originator
from sagecell_tx.sessions.spec import PYTHON
from sagecell_tx.testing.hosts import MemoryHost, MemoryKernel
from sagecell_tx.testing.listeners import MemoryListener
from sagecell_tx.wire.messages import CONTROL
from tests.examples import at_most
from tests.sessions.samples import DATE, code, ids, request
from tests.sessions.slowstore import SlowStore

LIMITS = Limits(
    admission=AdmissionLimits(kernels=3, kernels_per_cell_session=2, queue_length=0),
    messages=MessageLimits(message_log_bytes=4000, output_bytes=20_000),
)

PROGRAMS = [
    "",
    "print 1",
    "hang",
    "hold",
    "ignore",
    "raise x",
    "exit 1",
    "timeout 100",
    "save a x\nprint saved",
]

ENDS = [Exit(status=0), Exit(signal=11), Exit(), Exit(signal=9, reason="memory")]


@define(eq=False)
class Visit:
    """A session with its kernel, its page, and what its visitor received."""

    session: Session
    kernel: MemoryKernel
    page: str
    ready: Deferred[None]
    listeners: list[MemoryListener] = field(factory=list)
    deaths: list[Reason] = field(factory=list)

    @property
    def is_stopping(self) -> bool:
        """Its kernel was asked to shut down, killed, or given up while it started."""
        asked = any(message.msg_type == "shutdown_request" for message in self.kernel.sent)
        return asked or self.kernel.killed or self.kernel.going


class FleetMachine(RuleBasedStateMachine):
    """Visitors come, work, leave and stop; kernels start, fail, flood and crash; time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.host = MemoryHost(answering=True)
        self.store = SlowStore()
        self.fleet = Fleet(
            host=self.host,
            spec=PYTHON,
            files=self.store,
            limits=LIMITS,
            clock=self.clock,
            originator=Originator(new_id=ids(), now=lambda: DATE),
            starts=Starts(at_once=1000, each=1000, clock=self.clock),
        )
        self.new_msg_id = ids("r")
        self.visits: list[Visit] = []
        self.is_draining = False
        self.drained: list[object] = []

    def visit(self, data: st.DataObject) -> Visit:
        return data.draw(st.sampled_from(self.visits), "visit")

    @property
    def living(self) -> list[Visit]:
        return [visit for visit in self.visits if not visit.deaths]

    @rule(
        page=st.sampled_from(["", "page"]),
        timeout=st.sampled_from([0, 30, 900]),
        prompt=st.booleans(),
        stubborn=st.booleans(),
        lingering=st.booleans(),
    )
    def come(
        self, page: str, timeout: float, prompt: bool, stubborn: bool, lingering: bool
    ) -> None:
        self.host.prompt, self.host.stubborn, self.host.lingering = prompt, stubborn, lingering
        mine = [visit for visit in self.living if visit.page == page and not visit.is_stopping]
        room = len(self.living) < LIMITS.admission.kernels
        room = room and (not page or len(mine) < LIMITS.admission.kernels_per_cell_session)
        room = room and not self.is_draining
        opened: list[Session] = []
        opening = self.fleet.open(Visitor(cell_session=page), timeout=timeout)
        opening.addCallbacks(opened.append, lambda failure: failure.trap(Refused) and None)
        assert len(opened) == room
        if not room:
            return
        (session,) = opened
        ready = session.when_ready()
        ready.addErrback(lambda failure: failure.trap(StartFailed, CancelledError) and None)
        visit = Visit(session, self.host.latest, page, ready)
        session.when_dead().addCallback(visit.deaths.append)
        self.visits.append(visit)

    @precondition(lambda self: len(self.visits) > 2 and not self.is_draining)
    @rule()
    def drain(self) -> None:
        self.is_draining = True
        self.fleet.drain().addBoth(self.drained.append)
        if self.drained:
            assert self.living == []

    @precondition(lambda self: self.visits)
    @rule(data=st.data(), succeeds=st.booleans())
    def start_ends(self, data: st.DataObject, succeeds: bool) -> None:
        kernel = self.visit(data).kernel
        if not kernel.coming.called:
            if succeeds:
                kernel.come_up()
            else:
                kernel.fail()

    @precondition(lambda self: self.visits)
    @rule(data=st.data(), slow=st.booleans())
    def attach(self, data: st.DataObject, slow: bool) -> None:
        visit = self.visit(data)
        visit.listeners.append(MemoryListener(slow).attach(visit.session.attach))

    @precondition(lambda self: self.visits)
    @rule(data=st.data(), program=st.sampled_from(PROGRAMS))
    def run_program(self, data: st.DataObject, program: str) -> None:
        for listener in self.visit(data).listeners:
            try:
                listener.attachment.send(code(program, self.new_msg_id()))
            except Undeliverable:
                raise AssertionError from None

    @precondition(lambda self: self.visits)
    @rule(data=st.data())
    def flood(self, data: st.DataObject) -> None:
        kernel = self.visit(data).kernel
        if kernel.coming.called:
            for _ in range(10):
                kernel.publish("display_data", {"data": {"text/plain": "x" * 500}})

    @precondition(lambda self: self.visits)
    @rule(data=st.data())
    def catch_up(self, data: st.DataObject) -> None:
        for listener in self.visit(data).listeners:
            listener.read_all()

    @precondition(lambda self: self.visits)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        for listener in self.visit(data).listeners:
            listener.attachment.detach()

    @precondition(lambda self: self.visits)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.visit(data).ready.cancel()

    @precondition(lambda self: self.visits)
    @rule(data=st.data(), reason=st.sampled_from([Reason.STOPPED, Reason.MEMORY]))
    def stop(self, data: st.DataObject, reason: Reason) -> None:
        self.visit(data).session.stop(reason)

    @precondition(lambda self: self.visits)
    @rule(data=st.data())
    def interrupt(self, data: st.DataObject) -> None:
        self.visit(data).session.interrupt()

    @precondition(lambda self: self.visits)
    @rule(data=st.data())
    def press_stop(self, data: st.DataObject) -> None:
        for listener in self.visit(data).listeners:
            stop = request(self.new_msg_id(), "interrupt_request", channel=CONTROL)
            listener.attachment.send(stop)

    @precondition(lambda self: self.visits)
    @rule(data=st.data())
    def hang(self, data: st.DataObject) -> None:
        kernel = self.visit(data).kernel
        if not kernel.gone:
            kernel.miss_heartbeats()

    @precondition(lambda self: self.visits)
    @rule(data=st.data(), how=st.sampled_from(ENDS))
    def crash(self, data: st.DataObject, how: Exit) -> None:
        self.crashed(self.visit(data).kernel, how)

    def crashed(self, kernel: MemoryKernel, how: Exit) -> None:
        if not kernel.coming.called:
            kernel.coming.errback(StartFailed("It ended."))
        kernel.end(how)

    @rule(down=st.sampled_from([set(), {"write"}, {"commit"}, {"abandon"}]))
    def store_works(self, down: set[str]) -> None:
        self.store.down = down
        self.store.let_all_go()

    @rule(seconds=st.sampled_from([0.5, 1, 2, 10, 15, 30, 60, 840, 900, 1740, 1800]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def the_books_are_right(self) -> None:
        assert len(self.fleet) == len(self.living) == self.fleet.admission.taken
        assert self.fleet.deaths.recent() <= self.fleet.deaths.total
        assert sum(self.fleet.deaths.total.values()) == len(self.visits) - len(self.living)
        for visit in self.visits:
            assert len(visit.deaths) <= 1
            assert bool(visit.deaths) <= visit.kernel.gone

    @invariant()
    def dead_is_the_last_word(self) -> None:
        for visit in self.visits:
            for listener in visit.listeners:
                assert len(listener.closed) <= 1
                if listener.closed == [reason.value for reason in visit.deaths]:
                    continue
                assert listener.closed in ([], ["stalled"])

    def teardown(self) -> None:
        assert self.drained in ([], [None])
        stopped: list[object] = []
        self.fleet.stopService().addBoth(stopped.append)
        self.clock.advance(LIMITS.lifetime.stop_grace_seconds)
        for visit in self.visits:
            if not visit.kernel.gone:
                self.crashed(visit.kernel, Exit())
                visit.kernel.forget_last_words()
        self.store.let_all_go()
        self.the_books_are_right()
        self.clock.pump([FAREWELL, FAREWELL])  # for those who have not read the last messages
        assert stopped == [None], [each for each in stopped if isinstance(each, Failure)]
        assert self.living == []
        assert self.fleet.admission.is_untouched
        # A listener that has not read the last messages is dropped after a while.
        for _ in range(3):
            self.clock.advance(LIMITS.messages.stalled_seconds)
        assert self.clock.getDelayedCalls() == []
        for visit in self.visits:
            for listener in visit.listeners:
                states = [
                    message.parsed_content().get("execution_state") for message in listener.received
                ]
                assert "dead" not in states[:-1]
                warnings = [
                    message.parsed_content()["reason"]
                    for message in listener.received
                    if message.msg_type == "sagecell_warning"
                ]
                assert warnings.count("lifetime") <= 1
                assert warnings.count("draining") <= 2


FleetMachine.TestCase.settings = settings(
    max_examples=at_most(60),
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow],
)
test_any_visits = FleetMachine.TestCase
