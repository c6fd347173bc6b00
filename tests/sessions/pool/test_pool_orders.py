"""Whatever happens to ready kernels in whatever order, each visitor gets a kernel of his own."""

from __future__ import annotations

from attrs import define, field
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from sagecell_tx.limits import AdmissionLimits
from sagecell_tx.sessions.interfaces import Exit, Kernel, StartFailed
from sagecell_tx.sessions.pool.demand import WINDOW
from sagecell_tx.sessions.pool.pacing import PAUSE
from sagecell_tx.sessions.pool.pool import ReadyKernels
from sagecell_tx.sessions.spec import PYTHON
from sagecell_tx.testing.hosts import MemoryHost, MemoryKernel
from sagecell_tx.wire.messages import Message
from tests.examples import at_most

LIMITS = AdmissionLimits(kernels=4, service_kernels=2, min_ready_kernels=1, max_ready_kernels=3)
START = 15

#: So many kernels may be somebody's.
PLACES = LIMITS.kernels + LIMITS.service_kernels


@define(eq=False)
class PoolVisitor:
    """Checks what `Host.start` promises."""

    kernel_id: str = "visitor"
    heard: list[Message] = field(factory=list)
    missed: int = 0
    near: int = 0
    ends: int = 0
    kernel: MemoryKernel | None = None
    failed: bool = False
    starting: Deferred[None] = field(init=False)

    def begin(self, pool: ReadyKernels) -> None:
        self.starting = pool.start(PYTHON, self).addCallbacks(self.came_up, self.came_to_nothing)

    def came_up(self, kernel: Kernel) -> None:
        assert isinstance(kernel, MemoryKernel)
        self.kernel = kernel

    def came_to_nothing(self, failure) -> None:
        failure.trap(StartFailed, CancelledError)
        self.failed = True

    def message_received(self, message: Message) -> None:
        assert not self.ends
        self.heard.append(message)

    def slice_over(self) -> None:
        """Do nothing."""

    def heartbeat_missed(self) -> None:
        self.missed += 1

    def limit_near(self, reason: str, seconds: float) -> None:
        self.near += 1

    def kernel_ended(self, how: Exit) -> None:
        self.ends += 1


class PoolMachine(RuleBasedStateMachine):
    """Visitors come and leave; kernels start, fail, hang, end; time passes; the service stops."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.host = MemoryHost(prompt=False)
        self.pool = ReadyKernels(
            host=self.host, spec=PYTHON, limits=LIMITS, start_seconds=START, clock=self.clock
        )
        self.visitors: list[PoolVisitor] = []
        self.stopped: Deferred[None] | None = None
        self.pool.startService()

    def pick(self, data: st.DataObject, coming: bool) -> MemoryKernel | None:
        some = [
            kernel
            for kernel in self.host.alive
            if kernel.coming.called != coming and not kernel.going
        ]
        return data.draw(st.sampled_from(some)) if some else None

    @property
    def using(self) -> int:
        """The visitors whose kernels are not gone."""
        return sum(not visitor.ends for visitor in self.visitors)

    @precondition(lambda self: self.using < PLACES)  # others are not admitted
    @rule()
    def come(self) -> None:
        visitor = PoolVisitor()
        before = self.pool.ready
        try:
            visitor.begin(self.pool)
        except OSError:
            assert not before
            return
        self.visitors.append(visitor)
        if before:
            assert visitor.kernel is not None, "there was one, and no turn is lost"

    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        waiting = [each for each in self.visitors if each.kernel is None and not each.failed]
        if waiting:
            visitor = data.draw(st.sampled_from(waiting))
            visitor.starting.cancel()
            assert visitor.failed

    @rule(data=st.data())
    def come_up(self, data: st.DataObject) -> None:
        kernel = self.pick(data, coming=True)
        if kernel is not None:
            kernel.come_up()

    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        kernel = self.pick(data, coming=True)
        if kernel is not None:
            kernel.fail()

    @rule(data=st.data(), how=st.sampled_from(["end", "miss_heartbeats", "kill"]))
    def go(self, data: st.DataObject, how: str) -> None:
        kernel = self.pick(data, coming=False)
        if kernel is not None:
            getattr(kernel, how)()

    @rule(data=st.data())
    def speak(self, data: st.DataObject) -> None:
        kernel = self.pick(data, coming=False)
        if kernel is not None:
            said = kernel.stream("hello")
            hearers = [visitor for visitor in self.visitors if visitor.kernel is kernel]
            assert [visitor.heard[-1] for visitor in hearers] == [said] * len(hearers)

    @rule(prompt=st.booleans(), lingering=st.booleans(), broken=st.booleans())
    def change_the_machine(self, prompt: bool, lingering: bool, broken: bool) -> None:
        self.host.prompt, self.host.lingering = prompt, lingering
        self.host.broken = OSError("no space left") if broken else None

    @rule(data=st.data())
    def be_gone(self, data: st.DataObject) -> None:
        going = [kernel for kernel in self.host.alive if kernel.going]
        if going:
            data.draw(st.sampled_from(going)).end()

    @rule(seconds=st.sampled_from([0.0, PAUSE, 1.0, START, WINDOW]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @precondition(lambda self: self.stopped is None and len(self.visitors) > 3)
    @rule()
    def stop(self) -> None:
        self.stopped = self.pool.stopService()

    @invariant()
    def each_kernel_is_one_visitors(self) -> None:
        used = [visitor.kernel for visitor in self.visitors if visitor.kernel is not None]
        assert len(set(map(id, used))) == len(used)

    @invariant()
    def ends_are_told_once(self) -> None:
        for visitor in self.visitors:
            assert visitor.ends <= 1
            if visitor.kernel is not None:
                assert visitor.ends == visitor.kernel.gone

    @invariant()
    def no_more_than_allowed(self) -> None:
        going = sum(kernel.going for kernel in self.host.alive)
        assert len(self.host.alive) <= PLACES + going
        assert len(self.host.alive) - self.using <= LIMITS.max_ready_kernels + going
        unused = [
            kernel
            for kernel in self.host.alive
            if not kernel.coming.called and kernel.kernel_id.startswith("ready")
        ]
        taken_over = sum(v.kernel is None and not v.failed for v in self.visitors)
        assert len(unused) <= 1 + taken_over, "one at a time"

    def teardown(self) -> None:
        stopped = self.stopped or self.pool.stopService()
        for kernel in list(self.host.alive):
            if kernel.going:
                kernel.end()
        assert stopped.called
        assert self.pool.ready == 0
        assert len(self.host.alive) == self.using
        for visitor in self.visitors:
            visitor.starting.cancel()
            if visitor.kernel is not None:
                visitor.kernel.kill()
        for kernel in list(self.host.alive):
            kernel.end()
        assert [visitor.ends for visitor in self.visitors] == [1] * len(self.visitors)
        assert self.clock.getDelayedCalls() == []


PoolMachine.TestCase.settings = settings(
    max_examples=at_most(60),
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow],
)
test_any_order = PoolMachine.TestCase
