"""A keeper's places and several workers in memory, whose lines are parsed as they would be."""

from __future__ import annotations

from collections import deque

from twisted.internet.task import Clock

from sagecell_tx.limits import AdmissionLimits
from sagecell_tx.sessions.admission.admission import Admission
from sagecell_tx.sessions.admission.places import place_pools
from sagecell_tx.workers.protocol import (
    AliveAnswer,
    Answer,
    Request,
    State,
    parse_answer,
    parse_request,
)
from sagecell_tx.workers.sharedplaces import SharedPlaces
from sagecell_tx.workers.sharing import Holdings


class MemoryWorker:
    """Both ends of one worker's line; `to_keeper` and `to_worker` have what is on its way."""

    def __init__(self, world: SharedWorld, limits: AdmissionLimits) -> None:
        self.world = world
        self.to_keeper: deque[bytes] = deque()
        self.to_worker: deque[bytes] = deque()
        self.wanted = 0
        self.places = SharedPlaces(
            limits=limits, processes=2, clock=world.clock, send=self._ask, on_wanted=self._wanted
        )
        self.admission = Admission(limits=limits, clock=world.clock, shared=self.places.pools)
        self.holdings = Holdings(
            pools=world.pools, send=self._answer, on_changed=lambda: world.changes.append(self)
        )

    def _ask(self, request: Request) -> None:
        self.to_keeper.append(request.line())

    def _answer(self, answer: Answer) -> None:
        self.to_worker.append(answer.line())

    def _wanted(self) -> None:
        self.wanted += 1

    def hear(self) -> bool:
        """Let the keeper hear one line, or the worker; returns whether there was any."""
        if self.to_keeper:
            request = parse_request(self.to_keeper.popleft())
            assert not isinstance(request, State | AliveAnswer)
            self.holdings.receive(request)
        elif self.to_worker:
            self.places.receive(parse_answer(self.to_worker.popleft()))
        else:
            return False
        return True


class SharedWorld:
    """The keeper's pools, and workers by number."""

    def __init__(self, limits: AdmissionLimits, workers: int = 2) -> None:
        self.clock = Clock()
        self.pools = place_pools(limits, self.clock, processes=2)
        self.changes: list[MemoryWorker] = []
        self.workers = [MemoryWorker(self, limits) for _ in range(workers)]

    def settle(self) -> None:
        """Move all lines."""
        while [worker for worker in self.workers if worker.hear()]:
            pass
