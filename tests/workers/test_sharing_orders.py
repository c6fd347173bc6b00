"""Whatever visitors and workers do in whatever order, places are given once and all are free in the end."""

from __future__ import annotations

from attrs import define
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from sagecell_tx.limits import AdmissionLimits, Rate
from sagecell_tx.sessions.admission.places import Place
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor
from tests.examples import at_most
from tests.workers.shared import MemoryWorker, SharedWorld

LIMITS = AdmissionLimits(
    kernels=2,
    service_kernels=1,
    kernels_per_address=2,
    kernels_per_cell_session=1,
    starts_per_address=Rate(burst=6, per_minute=60),
    queue_length=3,
)

visitors = st.builds(
    Visitor,
    purpose=st.sampled_from([Purpose.KERNEL, Purpose.KERNEL, Purpose.SERVICE]),
    address=st.sampled_from(["", "192.0.2.1", "192.0.2.2"]),
    cell_session=st.sampled_from(["", "", "page"]),
)


@define(eq=False)
class SharedRequest:
    """One visitor's request at a worker, and its outcome."""

    worker: MemoryWorker
    answer: Deferred[Place]
    place: Place | None = None
    over: bool = False

    def __attrs_post_init__(self) -> None:
        self.answer.addCallbacks(self._granted, self._refused)

    def _granted(self, place: Place) -> None:
        assert not self.over, "nobody gets a place that was given up"
        self.place = place

    def _refused(self, failure: Failure) -> None:
        failure.trap(Refused, CancelledError)
        self.over = True


class Workers(RuleBasedStateMachine):
    """Two workers and a keeper, whose lines move when they like."""

    def __init__(self) -> None:
        super().__init__()
        self.world = SharedWorld(LIMITS)
        self.requests: list[SharedRequest] = []

    def of(self, number: int) -> SharedRequest:
        return self.requests[number % len(self.requests)]

    @rule(number=st.integers(0, 1), visitor=visitors, patience=st.sampled_from([1.0, 30.0]))
    def ask(self, number: int, visitor: Visitor, patience: float) -> None:
        worker = self.world.workers[number]
        self.requests.append(
            SharedRequest(worker, worker.admission.admit(visitor, patience=patience))
        )

    @precondition(lambda self: self.requests)
    @rule(number=st.integers(0, 50))
    def give_up(self, number: int) -> None:
        request = self.of(number)
        if request.place is None and not request.over:
            request.answer.cancel()

    @precondition(lambda self: self.requests)
    @rule(number=st.integers(0, 50))
    def stop(self, number: int) -> None:
        request = self.of(number)
        if request.place is not None:
            request.place.leave()

    @precondition(lambda self: self.requests)
    @rule(number=st.integers(0, 50))
    def end(self, number: int) -> None:
        request = self.of(number)
        if request.place is not None:
            request.place.release()

    @precondition(lambda self: self.requests)
    @rule(number=st.integers(0, 50))
    def restart(self, number: int) -> None:
        request = self.of(number)
        if request.place is not None and request.worker in self.world.workers:
            request.place.start_again().addErrback(lambda failure: failure.trap(Refused) and None)

    @rule(number=st.integers(0, 1))
    def hear(self, number: int) -> None:
        self.world.workers[number].hear()

    @rule(seconds=st.sampled_from([0.5, 10.0]))
    def wait(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    @rule(number=st.integers(0, 1))
    def kill(self, number: int) -> None:
        """A worker is killed, and another one has its number."""
        killed = self.world.workers[number]
        killed.holdings.end()
        killed.places.lose()  # what it had goes with it
        self.requests = [each for each in self.requests if each.worker is not killed]
        self.world.workers[number] = MemoryWorker(self.world, LIMITS)

    @invariant()
    def no_more_are_taken_than_there_are(self) -> None:
        for pool in self.world.pools.values():
            assert 0 <= pool.taken <= pool.size
            assert len(pool.queue) <= LIMITS.queue_length
        for purpose, pool in self.world.pools.items():
            granted = sum(
                1
                for each in self.requests
                if each.place is not None
                and each.place._taken
                and each.place.visitor.purpose is purpose
            )
            assert granted <= pool.taken

    @invariant()
    def nobody_waits_while_a_place_is_free(self) -> None:
        for pool in self.world.pools.values():
            assert pool.taken == pool.size or not pool.queue

    def teardown(self) -> None:
        for request in self.requests:
            if request.place is not None:
                request.place.release()
            elif not request.over:
                request.answer.cancel()
        self.world.settle()
        for pool in self.world.pools.values():
            assert pool.is_empty
            assert pool.budgets.is_whole
        for worker in self.world.workers:
            assert worker.admission.is_untouched
        assert self.world.clock.getDelayedCalls() == []


Workers.TestCase.settings = settings(
    deadline=None, max_examples=at_most(200), stateful_step_count=60
)
test_any_order = Workers.TestCase
