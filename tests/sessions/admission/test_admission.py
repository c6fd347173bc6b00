"""Places are given at once, then in the order of requests, and are released once."""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.limits import AdmissionLimits, Rate
from sagecell_tx.sessions.admission.admission import Admission
from sagecell_tx.sessions.admission.places import Place
from sagecell_tx.sessions.admission.queue import Position
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.visitors import Purpose, Scope, Visitor

LIMITS = AdmissionLimits(kernels=2, service_kernels=1, kernels_per_cell_session=2, queue_length=4)
ANYBODY = Visitor()
SERVICE = Visitor(purpose=Purpose.SERVICE)


class AdmissionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.admission = Admission(limits=LIMITS, clock=self.clock)
        self.told: list[Position] = []

    def ask(self, visitor: Visitor = ANYBODY, patience: float = 60) -> Deferred[Place]:
        return self.admission.admit(visitor, patience=patience, on_moved=self.told.append)

    def place(self, visitor: Visitor = ANYBODY) -> Place:
        return self.successResultOf(self.ask(visitor))

    def refusal(self, asked: Deferred[Place]) -> Refused:
        return cast(Refused, self.failureResultOf(asked, Refused).value)

    def tearDown(self) -> None:
        assert self.clock.getDelayedCalls() == []

    # --- places

    def test_a_place_is_given_back_once(self) -> None:
        first, _ = self.place(), self.place()
        first.release()
        first.release()
        assert self.admission.taken == 1
        self.place()
        assert self.admission.taken == 2

    def test_machines_may_take_fewer_kernels_than_the_limits_allow(self) -> None:
        self.admission.set_places(0)
        waiting, service = self.ask(), self.ask(SERVICE)
        self.assertNoResult(waiting)
        self.admission.set_places(1)
        first = self.successResultOf(waiting)
        self.assertNoResult(service)
        first.release()
        second = self.successResultOf(service)  # a place that another purpose has released
        third = self.ask()
        self.admission.set_places(0)
        second.release()
        self.assertNoResult(third)
        self.admission.set_places(100)
        self.successResultOf(third)
        self.place()
        self.assertNoResult(self.ask().addErrback(lambda _: None))
        self.admission.drain()

    def test_a_refusal_takes_no_place(self) -> None:
        page = Visitor(cell_session="page")
        first, _ = self.place(page), self.place(page)
        first.release()
        self.place(page)
        for _ in range(3):
            assert self.refusal(self.ask(page)).code == "too_many_kernels_for_cell_session"
        assert self.admission.taken == 2
        assert self.admission.waiting(Purpose.KERNEL) == 0

    def test_each_purpose_has_places_of_its_own(self) -> None:
        kernels = [self.place() for _ in range(2)]
        service = self.place(SERVICE)
        waiting = [self.ask(), self.ask(SERVICE)]
        assert [self.admission.waiting(purpose) for purpose in Purpose] == [1, 1, 0, 0]
        service.release()
        self.assertNoResult(waiting[0])
        last = self.successResultOf(waiting[1])
        kernels[0].release()
        for place in (kernels[1], self.successResultOf(waiting[0]), last):
            place.release()
        assert self.admission.is_untouched

    def test_each_purpose_has_budgets_of_its_own(self) -> None:
        self.admission = Admission(
            limits=AdmissionLimits(kernels_per_address=1, service_kernels=9), clock=self.clock
        )
        for purpose in Purpose:
            visitor = Visitor(purpose=purpose, address="192.0.2.1")
            self.place(visitor)
            assert self.refusal(self.ask(visitor)).code == "too_many_kernels_for_address"

    # --- the queue

    def test_the_order_is_that_of_asking(self) -> None:
        places = [self.place() for _ in range(2)]
        waiting = [self.ask() for _ in range(4)]
        for turn in waiting:
            self.assertNoResult(turn)
            places.pop(0).release()
            places.append(self.successResultOf(turn))
        assert self.admission.taken == 2
        for place in places:
            place.release()
        assert self.admission.is_untouched

    def test_everybody_is_told_where_they_stand(self) -> None:
        place, _ = self.place(), self.place()
        assert self.told == []
        waiting = [self.ask() for _ in range(3)]
        assert [where.position for where in self.told] == [1, 2, 3]
        place.release()
        assert [where.position for where in self.told[3:]] == [1, 2]
        waiting[1].cancel()
        self.failureResultOf(waiting[1], CancelledError)
        assert [where.position for where in self.told[5:]] == [1]
        self.admission.drain()
        self.failureResultOf(waiting[2], Refused)

    def test_an_estimate_is_told_once_there_is_a_pace(self) -> None:
        places = [self.place(), self.place()]
        for _ in range(3):
            self.clock.advance(10)
            places.pop().release()
            places.append(self.place())
        waiting = self.ask()
        assert self.told == [Position(position=1, seconds=10)]
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)

    def test_patience_ends(self) -> None:
        self.place(), self.place()
        asked = self.ask(patience=60)
        later = self.ask(patience=70)
        self.clock.advance(60)
        refused = self.refusal(asked)
        assert (refused.code, refused.retry_after) == ("too_many_kernels", 5)
        assert self.told[-1].position == 1
        assert self.admission.waiting(Purpose.KERNEL) == 1
        self.clock.advance(10)
        self.refusal(later)

    def test_a_full_queue(self) -> None:
        self.place(), self.place()
        waiting = [self.ask() for _ in range(4)]
        assert self.refusal(self.ask()).code == "too_many_kernels"
        assert self.admission.refused == {"too_many_kernels": 1}
        waiting[0].cancel()
        self.failureResultOf(waiting[0], CancelledError)
        waiting[0] = self.ask()
        self.admission.drain()
        for turn in waiting:
            assert self.refusal(turn).code == "draining"
        assert self.admission.taken == 2

    def test_who_has_enough_is_told_so_before_that_the_queue_is_full(self) -> None:
        page = Visitor(cell_session="page")
        self.place(page), self.place(page)
        waiting = [self.ask() for _ in range(4)]
        assert self.refusal(self.ask(page)).code == "too_many_kernels_for_cell_session"
        self.admission.drain()
        for turn in waiting:
            self.refusal(turn)

    def test_a_full_queue_takes_no_token(self) -> None:
        limits = AdmissionLimits(
            kernels=0, queue_length=1, starts_per_address=Rate(burst=2, per_minute=1)
        )
        self.admission = Admission(limits=limits, clock=self.clock)
        visitor = Visitor(address="192.0.2.1")
        for refusals in (9, 0):
            waiting = self.ask(visitor)
            for _ in range(refusals):
                assert self.refusal(self.ask(visitor)).code == "too_many_kernels"
            waiting.cancel()
            self.failureResultOf(waiting, CancelledError)
        assert self.refusal(self.ask(visitor)).code == "too_many_starts_for_address"

    def test_half_the_queue_is_for_others(self) -> None:
        greedy = Visitor(address="192.0.2.1")
        self.place(greedy), self.place(greedy)
        waiting = [self.ask(greedy) for _ in range(2)]
        assert self.refusal(self.ask(greedy)).code == "too_many_waiting"
        waiting += [self.ask(Visitor(address="192.0.2.2")) for _ in range(2)]
        assert self.refusal(self.ask(greedy)).code == "too_many_kernels"
        self.admission.drain()
        for turn in waiting:
            self.refusal(turn)

    def test_who_waits_is_counted_and_who_leaves_is_not(self) -> None:
        page = Visitor(cell_session="page")
        self.place(), self.place()
        waiting = [self.ask(page) for _ in range(2)]
        assert self.refusal(self.ask(page)).code == "too_many_kernels_for_cell_session"
        waiting[0].cancel()
        self.failureResultOf(waiting[0], CancelledError)
        waiting[0] = self.ask(page, patience=1)
        self.clock.advance(1)
        self.refusal(waiting[0])
        waiting[0] = self.ask(page)
        self.admission.drain()
        for turn in waiting:
            self.refusal(turn)
        budgets = self.admission.pools[Purpose.KERNEL].budgets.by_scope
        assert budgets[Scope.CELL_SESSION].taken == {}

    def test_a_place_that_comes_back_at_once_goes_on_to_the_next(self) -> None:
        place, other = self.place(), self.place()
        order: list[int] = []

        def give_back(given: Place, number: int) -> None:
            order.append(number)
            given.release()

        for number in range(3):
            self.ask().addCallback(give_back, number)
        place.release()
        assert order == [0, 1, 2]
        assert self.admission.taken == 1
        other.release()
        assert self.admission.is_untouched

    def test_who_asks_while_others_are_served_comes_after_them(self) -> None:
        place, other = self.place(), self.place()
        order: list[str] = []

        def go(given: Place, name: str) -> None:
            order.append(name)
            if name == "first":
                given.release()
                self.ask().addCallback(go, "latecomer")

        for name in ("first", "second"):
            self.ask().addCallback(go, name)
        place.release()
        assert order == ["first", "second"]
        other.release()
        assert order == ["first", "second", "latecomer"]

    # --- draining

    def test_nobody_is_let_in_until_it_opens_again(self) -> None:
        self.admission.drain()
        refused = self.refusal(self.ask())
        assert refused.code == "draining"
        assert refused.retry_after > 0
        self.admission.reopen()
        self.place().release()
        assert self.admission.is_untouched
        assert self.admission.refused == {"draining": 1}
