"""Who may start a kernel, and who waits. Places are taken on request and released once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping

from attrs import define, field
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from sagecell_tx.limits import AdmissionLimits
from sagecell_tx.sessions.admission import refusals
from sagecell_tx.sessions.admission.places import Place, Pool, place_pools
from sagecell_tx.sessions.admission.queue import Position
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.visitors import Purpose, Scope, Visitor

_log = Logger()


@define(kw_only=True)
class Admission:
    """Admits visitors: a pool of places for each purpose, so that none starves the others.

    `has_room` tells whether the process has what a further kernel needs, whatever the limits allow.
    `places` is how many kernels all machines together take; it may change, see `set_places`.
    Where several processes share their places, `shared` are this one's pools.
    """

    limits: AdmissionLimits
    clock: IReactorTime
    has_room: Callable[[], bool] = lambda: True
    shared: Mapping[Purpose, Pool] | None = None
    places: float = field(default=math.inf, init=False)
    pools: Mapping[Purpose, Pool] = field(init=False)
    refused: Counter[str] = field(factory=Counter, init=False)  # by code
    _draining: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.pools = self.shared or place_pools(
            self.limits,
            self.clock,
            has_place=lambda: self.taken < self.places,
            on_released=self._serve,
        )

    @property
    def taken(self) -> int:
        """The number of places in use."""
        return sum(pool.taken for pool in self.pools.values())

    def set_places(self, places: float) -> None:
        """There are so many places for all purposes now: serves the queues. Nobody loses a place."""
        self.places = places
        self._serve()

    def _serve(self) -> None:
        """Serve all queues: a place that one pool has released may be another's."""
        if self.places < math.inf:
            for pool in self.pools.values():
                pool.serve()

    @property
    def is_untouched(self) -> bool:
        """Whether no place is in use and nobody waits."""
        pools = self.pools.values()
        return all(pool.is_empty for pool in pools) and all(pool.budgets.is_whole for pool in pools)

    @property
    def is_draining(self) -> bool:
        """Whether everybody is refused."""
        return self._draining

    @property
    def wanted(self) -> int:
        """How many kernels that nobody needs should make room for visitors who wait for one."""
        return self.pools[Purpose.KERNEL].wanted

    def waiting(self, purpose: Purpose) -> int:
        """How many wait in the queue."""
        return len(self.pools[purpose].queue)

    def admit(
        self,
        visitor: Visitor,
        *,
        patience: float,
        on_moved: Callable[[Position], None] = lambda _: None,
    ) -> Deferred[Place]:
        """Request a place.

        Fires with the place, which the caller has to release, at once if one is free and
        otherwise at its turn. Fails with `Refused`, at once if a budget is spent or the queue is
        full, otherwise after `patience` seconds in the queue. `on_moved` is called with each new
        position. Cancelling leaves the queue.
        """
        try:
            if self._draining:
                raise refusals.draining()
            if not self.has_room():
                raise refusals.too_many_descriptors()
            place = self.pools[visitor.purpose].admit(visitor, patience=patience, on_moved=on_moved)
        except Refused as refused:
            place = fail(refused)
        return place.addErrback(self._count, visitor)

    @property
    def is_empty(self) -> bool:
        """Whether nobody has a place or waits for one, but for the completer, which nobody waits for."""
        pools = [pool for purpose, pool in self.pools.items() if purpose is not Purpose.COMPLETER]
        return all(pool.is_empty for pool in pools)

    def close(self) -> None:
        """Refuse everybody from now on. Those in the queue go on waiting for their turn."""
        self._draining = True

    def drain(self) -> None:
        """Refuse everybody from now on, and those in the queue."""
        self.close()
        for pool in self.pools.values():
            pool.refuse_all()

    def reopen(self) -> None:
        """Admit visitors again."""
        self._draining = False

    def _count(self, failure: Failure, visitor: Visitor) -> Failure:
        if isinstance(failure.value, Refused):
            self.refused[failure.value.code] += 1
            who = {
                scope.value: _named(scope, name) for scope, name in visitor.names.items() if name
            }
            # As a dict's repr: a name may contain anything, line breaks as well.
            _log.info(
                "refused {purpose} {who!r}: {code}",
                purpose=visitor.purpose.value,
                who=who,
                code=failure.value.code,
            )
        return failure


def _named(scope: Scope, name: str) -> str:
    """A name for the log: pages are told apart by a part of theirs, with which nobody can pass for one."""
    return f"{name[:8]}..." if scope is Scope.CELL_SESSION else name
