"""Kernels that are up before anybody asks for one, each used once.

A host around another host. Whoever starts a kernel gets one from the stock: one that is up,
at once, or one that is on its way; with the stock empty, the inner host starts one as if
there were no stock. `Demand` says how large the stock should be. It is filled one kernel at
a time, when nobody waits for a start and `Pacing` says that it is time, so that the first cells
of visitors do not have to share the processor with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from typing_extensions import override

from sagecell_tx.limits import AdmissionLimits
from sagecell_tx.sessions.interfaces import Host, Kernel, KernelObserver
from sagecell_tx.sessions.pool.demand import Demand
from sagecell_tx.sessions.pool.pacing import Pacing
from sagecell_tx.sessions.pool.pooledstart import PooledStart
from sagecell_tx.sessions.spec import KernelSpec

_log = Logger()


@define(kw_only=True, eq=False)
class ReadyKernels(Service):
    """Hands out the kernels of `host`, those of the kind `spec` from a stock.

    While it is not running nothing is kept ready, and starts are those of `host`.
    """

    host: Host
    spec: KernelSpec
    limits: AdmissionLimits
    start_seconds: float  # that a kernel has to come up
    clock: IReactorTime
    _demand: Demand = field(init=False)
    _stock: list[PooledStart] = field(factory=list, init=False)  # nobody's yet, the oldest first
    _begun: set[PooledStart] = field(factory=set, init=False)  # all that have not ended
    _numbers: Iterator[int] = field(factory=lambda: count(1), init=False)
    _pacing: Pacing = field(init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)
    _emptied: Deferred[None] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._demand = Demand(limits=self.limits, clock=self.clock)
        self._pacing = Pacing(clock=self.clock)

    @property
    def ready(self) -> int:
        """How many kernels can be had at once."""
        return sum(start.is_up for start in self._stock)

    # --- Host

    def start(self, spec: KernelSpec, observer: KernelObserver) -> Deferred[Kernel]:
        """See `sagecell_tx.sessions.interfaces.Host.start`. Fires at once if one is ready."""
        usable: list[PooledStart] = []
        if spec == self.spec:
            self._demand.started()
            usable = [start for start in self._stock if start.is_up or start.waiting]
        if usable:
            # The oldest that is up; else the oldest, which will be up before a new one.
            taken = min(usable, key=lambda start: start.waiting)
            self._stock.remove(taken)
            _log.info("{kernel}: is kernel {ready}", kernel=observer.kernel_id, ready=taken.name)
            taken.observer = observer
            if taken.kernel is not None:
                self._pacing.handed_out()
        else:
            taken = self._begin(spec, observer.kernel_id, observer)
        self._plan()
        return taken.coming

    # --- Service

    @override
    def startService(self) -> None:
        """Begin to keep kernels ready."""
        super().startService()
        self._plan()

    @override
    def stopService(self) -> Deferred[None]:
        """Keep nothing ready any more; fires when all kernels that were nobody's are gone."""
        super().stopService()
        self._plan()
        emptied: Deferred[None] = Deferred()
        self._emptied = emptied
        while self._stock:
            self._stock.pop().give_up()
        self._check_emptied()
        return emptied

    def _check_emptied(self) -> None:
        if self._emptied is not None and all(start.observer is not None for start in self._begun):
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)

    # --- the stock

    def _plan(self) -> None:
        """Set the timer for the next thing to do, if there is any."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        delay = self._due_in() if self.running else None
        self._timer = None if delay is None else self.clock.callLater(delay, self._adjust)

    def _due_in(self) -> float | None:
        missing = self._missing
        if missing < 0:
            return 0.0
        if missing == 0:
            return self._demand.next_decrease
        if any(start.waiting for start in self._begun):
            return None  # the end of its waiting is the next occasion
        return self._pacing.due_in

    @property
    def _missing(self) -> int:
        """So many more are worth keeping ready and have room; below 0, fewer are."""
        places = self.limits.kernels + self.limits.service_kernels
        # Kernels that are going still have places, beside the visitors who have come for those.
        room = max(0, places - (len(self._begun) - len(self._stock)))
        return min(self._demand.wanted, room) - len(self._stock)

    def _adjust(self) -> None:
        """Bring the stock one kernel nearer to what it should be."""
        missing = self._missing
        if missing < 0:
            self._stock.pop().give_up()
        elif missing > 0:
            try:
                self._begin(self.spec, f"ready-{next(self._numbers)}", None)
            except Exception:
                _log.failure("starting a ready kernel")
                self._pacing.lost()
        self._plan()

    def _begin(self, spec: KernelSpec, name: str, observer: KernelObserver | None) -> PooledStart:
        start = PooledStart(
            name=name,
            clock=self.clock,
            start_seconds=self.start_seconds,
            stock=self,
            observer=observer,
        )
        self._begun.add(start)
        if observer is None:
            self._stock.append(start)
        try:
            start.follow(self.host.start(spec, start))
        except Exception:
            # A host that raises has begun nothing, so nobody will tell of an end.
            self._begun.discard(start)
            if start in self._stock:
                self._stock.remove(start)
            raise
        return start

    # --- Stock

    def came_up(self, start: PooledStart) -> None:
        """A kernel is up."""
        if start.observer is None:
            self._pacing.stocked()
        else:
            self._pacing.handed_out()
        self._plan()

    def lost(self, start: PooledStart) -> None:
        """A kernel is no good, or ends; one that was in the stock will be replaced."""
        if start in self._stock:
            self._stock.remove(start)
            self._pacing.lost()
        self._plan()

    def ended(self, start: PooledStart) -> None:
        """Nothing is left of a kernel."""
        self._begun.discard(start)
        self.lost(start)
        self._check_emptied()
