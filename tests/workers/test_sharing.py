"""Places that workers share are those of one server, and a worker's end frees what it had."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.limits import AdmissionLimits, Rate
from sagecell_tx.sessions.admission.places import Place
from sagecell_tx.sessions.admission.queue import Position
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor
from sagecell_tx.wire.messages import WireError
from sagecell_tx.workers.protocol import Again, Ask, Leave, Release
from tests.workers.shared import SharedWorld

LIMITS = AdmissionLimits(
    kernels=2, service_kernels=1, kernels_per_address=2, kernels_per_cell_session=1, queue_length=4
)


class SharingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = SharedWorld(LIMITS)
        self.told: list[tuple[int, Position]] = []

    def ask(self, worker: int, visitor: Visitor | None = None) -> Deferred[Place]:
        asked = self.world.workers[worker].admission.admit(
            visitor or Visitor(),
            patience=60,
            on_moved=lambda where: self.told.append((worker, where)),
        )
        self.world.settle()
        return asked

    def place(self, worker: int, visitor: Visitor | None = None) -> Place:
        return self.successResultOf(self.ask(worker, visitor))

    def code(self, asked: Deferred[Place]) -> str:
        refused = self.failureResultOf(asked, Refused).value
        assert isinstance(refused, Refused)
        return refused.code

    def release(self, *places: Place) -> None:
        for place in places:
            place.release()
        self.world.settle()

    def tearDown(self) -> None:
        for worker in self.world.workers:
            worker.holdings.end()
        assert self.world.clock.getDelayedCalls() == []
        for pool in self.world.pools.values():
            assert pool.is_empty
            assert pool.budgets.is_whole

    def test_the_order_is_that_of_asking_whoever_is_asked(self) -> None:
        places = [self.place(0), self.place(1)]
        waiting = [self.ask(each) for each in (1, 0, 1)]
        assert self.told == [
            (worker, Position(position=position, seconds=None))
            for worker, position in ((1, 1), (0, 2), (1, 3))
        ]
        for turn in waiting:
            self.assertNoResult(turn)
            self.release(places.pop(0))
            places.append(self.successResultOf(turn))
        self.release(*places)
        for worker in self.world.workers:
            assert worker.admission.is_untouched

    def test_each_worker_counts_its_own(self) -> None:
        first, second = (worker.admission for worker in self.world.workers)
        places = [self.place(0), self.place(0)]
        waiting = self.ask(1)
        assert (first.taken, second.taken) == (2, 0)
        assert [each.waiting(Purpose.KERNEL) for each in (first, second)] == [0, 1]
        assert second.pools[Purpose.KERNEL].queue.positions == [(1, Visitor())]
        assert (first.is_empty, second.is_empty) == (False, False)
        self.release(*places)
        assert first.is_empty
        self.release(self.successResultOf(waiting))
        assert second.is_empty

    def test_budgets_are_one(self) -> None:
        somebody = Visitor(address="192.0.2.1")
        places = [self.place(0, somebody), self.place(1, somebody)]
        for worker in (0, 1):
            assert self.code(self.ask(worker, somebody)) == "too_many_kernels_for_address"
        self.release(*places)
        self.release(self.place(1, somebody))
        assert self.world.workers[0].admission.refused.total() == 1

    def test_a_page_may_go_on_elsewhere_when_its_kernel_is_being_stopped(self) -> None:
        page = Visitor(cell_session="page")
        first = self.place(0, page)
        assert self.code(self.ask(1, page)) == "too_many_kernels_for_cell_session"
        first.leave()
        self.world.settle()
        self.release(self.place(1, page), first)

    def test_rates_of_starts_are_one_and_hold_for_restarts(self) -> None:
        limits = AdmissionLimits(starts_per_address=Rate(burst=2, per_minute=60))
        self.world = SharedWorld(limits)
        somebody = Visitor(address="192.0.2.1")
        first = self.place(0, somebody)
        again = first.start_again()
        self.assertNoResult(again)
        self.world.settle()
        self.successResultOf(again)
        refused = first.start_again()
        self.world.settle()
        self.failureResultOf(refused, Refused)
        assert self.code(self.ask(1, somebody)) == "too_many_starts_for_address"
        self.release(first)

    def test_who_leaves_the_queue_gets_nothing(self) -> None:
        places = [self.place(0), self.place(0)]
        gone, waits = self.ask(0), self.ask(1)
        gone.cancel()
        self.failureResultOf(gone)
        self.world.settle()
        self.release(places[0])
        self.release(self.successResultOf(waits), places[1])

    def test_a_place_that_was_granted_too_late_goes_back(self) -> None:
        first, _ = self.world.workers
        asked = first.admission.admit(Visitor(), patience=60)
        first.hear()  # the keeper grants it
        asked.cancel()
        self.failureResultOf(asked)
        self.world.settle()
        assert self.world.pools[Purpose.KERNEL].taken == 0
        assert first.admission.is_untouched

    def test_patience_ends_at_the_keeper(self) -> None:
        places = [self.place(0), self.place(1)]
        waits = self.ask(1)
        self.world.clock.advance(60)
        self.world.settle()
        assert self.code(waits) == "too_many_kernels"
        self.release(*places)

    def test_a_keeper_that_does_not_answer_is_not_waited_for(self) -> None:
        worker = self.world.workers[0]
        asked = worker.admission.admit(Visitor(), patience=60)
        self.world.clock.advance(65)
        assert self.code(asked) == "too_many_kernels"
        self.world.settle()
        assert worker.admission.is_untouched
        assert self.world.pools[Purpose.KERNEL].is_empty

    def test_what_a_worker_had_is_free_when_it_ends(self) -> None:
        self.place(0)
        self.place(0)
        own, other = self.ask(0), self.ask(1)
        self.world.workers[0].holdings.end()
        self.world.workers[0].holdings.end()
        self.world.settle()
        self.assertNoResult(own.addErrback(lambda _: None))
        self.release(self.successResultOf(other))
        self.world.workers[0].places.lose()

    def test_nobody_gets_a_place_without_a_keeper(self) -> None:
        worker = self.world.workers[0]
        place = self.place(0)
        asked = worker.admission.admit(Visitor(), patience=60)
        again = place.start_again()
        worker.places.lose()
        assert self.code(asked) == "draining"
        self.failureResultOf(again, Refused)
        assert self.code(worker.admission.admit(Visitor(), patience=60)) == "draining"
        self.failureResultOf(place.start_again(), Refused)
        worker.to_keeper.clear()

    def test_a_worker_that_drains_refuses_all_and_one_that_stops_those_who_wait(self) -> None:
        places = [self.place(0), self.place(1)]
        waits = self.ask(0)
        worker = self.world.workers[0]
        worker.admission.close()
        assert self.code(self.ask(0)) == "draining"
        self.assertNoResult(waits)
        worker.admission.drain()
        assert self.code(waits) == "draining"
        self.world.settle()
        self.release(*places)

    # --- what makes no sense

    def test_a_number_is_used_once_at_a_time(self) -> None:
        holdings = self.world.workers[0].holdings
        holdings.receive(Ask(1, Visitor(), 60))
        for number in (1, 2, 3):
            if number == 1:
                with pytest.raises(WireError):
                    holdings.receive(Ask(1, Visitor(), 60))
            else:
                holdings.receive(Ask(number, Visitor(), 60))
        with pytest.raises(WireError):
            holdings.receive(Ask(3, Visitor(), 60))  # which waits
        assert (holdings.taken, holdings.waiting) == (2, 1)

    def test_there_has_to_be_a_place(self) -> None:
        holdings = self.world.workers[0].holdings
        for request in (Leave(1), Again(1, 2)):
            with pytest.raises(WireError):
                holdings.receive(request)
        holdings.receive(Release(1))  # it may have been refused in the same moment
