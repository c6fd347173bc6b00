"""A stock of kernels that are started before anybody asks for one; each is used once.

`ReadyKernels` is a host around another host. A start takes a kernel from the stock: one that is
up, or else one that is starting. If the stock is empty, the inner host starts a kernel. `Demand`
says how large the stock should be. It is filled one kernel at a time, when nobody waits for a
start and `Pacing` allows it, so that the first cells of visitors do not have to share the
processor with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import count

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from typing_extensions import override

from sagecell_tx.limits import AdmissionLimits
from sagecell_tx.sessions.interfaces import Host, Kernel, KernelObserver
from sagecell_tx.sessions.pool.demand import Demand
from sagecell_tx.sessions.pool.pacing import Pacing
from sagecell_tx.sessions.pool.pooledstart import PooledStart
from sagecell_tx.sessions.pool.starttimes import Origin, StartTimes
from sagecell_tx.sessions.spec import KernelSpec

_log = Logger()


@define(kw_only=True, eq=False)
class ReadyKernels(Service):
    """A `Host` that hands out kernels of `host`, those of the kind `spec` from a stock.

    While the service is not running, nothing is kept ready, and `host` starts every kernel.
    `when_up` fires when it can start kernels; the stock is not filled before. `places` is how many
    kernels it takes at a time, whatever the limits allow; see `set_places`.
    """

    host: Host
    spec: KernelSpec
    limits: AdmissionLimits
    start_seconds: float  # within which a kernel for the stock has to start
    clock: IReactorTime
    when_up: Callable[[], Deferred[None]] = lambda: succeed(None)
    times: StartTimes = field(init=False)
    places: float = field(default=math.inf, init=False)
    _demand: Demand = field(init=False)
    _stock: list[PooledStart] = field(factory=list, init=False)  # not handed out, the oldest first
    _begun: set[PooledStart] = field(factory=set, init=False)  # all that have not ended
    _numbers: Iterator[int] = field(factory=lambda: count(1), init=False)
    _pacing: Pacing = field(init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)
    _loading: bool = field(default=False, init=False)  # whether `when_up` is being waited for
    _emptied: Deferred[None] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.times = StartTimes(self.clock.seconds)
        self._demand = Demand(limits=self.limits, clock=self.clock)
        self._pacing = Pacing(clock=self.clock)

    @property
    def ready(self) -> int:
        """How many kernels can be handed out at once."""
        return sum(start.is_up for start in self._stock)

    def has_ready(self, spec: KernelSpec) -> bool:
        """Whether `start` would fire at once."""
        return spec == self.spec and self.ready > 0

    def set_places(self, places: float) -> None:
        """The host takes so many kernels at a time now."""
        self.places = places
        self._plan()

    # --- Host

    def start(
        self, spec: KernelSpec, observer: KernelObserver, *, ahead: bool = False
    ) -> Deferred[Kernel]:
        """See `sagecell_tx.sessions.interfaces.Host.start`. Fires at once if one is ready.

        `ahead` changes nothing: what is in the stock was started so.
        """
        usable: list[PooledStart] = []
        if spec == self.spec:
            self._demand.started()
            usable = [start for start in self._stock if start.is_up or start.waiting]
        if usable:
            # The oldest that is up; else the oldest, which will be up before a new one.
            taken = min(usable, key=lambda start: start.waiting)
            self._stock.remove(taken)
            origin = Origin.READY if taken.is_up else Origin.STARTING
            _log.info("{kernel}: is kernel {ready}", kernel=observer.kernel_id, ready=taken.name)
            taken.observer = observer
            if taken.kernel is not None:
                self._pacing.handed_out()
        else:
            origin = Origin.FORKED if spec == self.spec else Origin.INSTALLED
            taken = self._begin(spec, observer.kernel_id, observer)
        self.times.note(origin, taken.coming)
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
        """Empty the stock; fires when all kernels that were not handed out are gone."""
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
        """Set the timer for the next change of the stock, if there is any."""
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
            return None  # planned again when that start has succeeded or failed
        return self._pacing.due_in

    @property
    def _missing(self) -> int:
        """How many more kernels should be ready and have room; negative if there are too many."""
        places = int(min(self.limits.kernels + self.limits.service_kernels, self.places))
        # Kernels that are ending are counted, too, though their places may be taken again.
        room = max(0, places - (len(self._begun) - len(self._stock)))
        return min(self._demand.wanted, room) - len(self._stock)

    def _adjust(self) -> None:
        """Bring the stock one kernel nearer to the wanted size, once the host can start kernels."""
        if not self._loading:
            self._loading = True
            self.when_up().addCallback(self._adjust_now)

    def _adjust_now(self, _: None) -> None:
        self._loading = False
        if not self.running:  # it was stopped meanwhile
            return
        missing = self._missing
        if missing < 0:
            self._stock.pop().give_up()
        elif missing > 0:
            try:
                self._begin(self.spec, f"ready-{next(self._numbers)}", None)
            except Exception:
                _log.failure("a ready kernel could not be started")
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
            start.follow(self.host.start(spec, start, ahead=observer is None))
        except Exception:
            # A host that raises has started nothing, and will not call `kernel_ended`.
            self._begun.discard(start)
            if start in self._stock:
                self._stock.remove(start)
            raise
        return start

    # --- Stock

    def came_up(self, start: PooledStart) -> None:
        """See `Stock.came_up`."""
        if start.observer is None:
            self._pacing.stocked()
        else:
            self._pacing.handed_out()
        self._plan()

    def lost(self, start: PooledStart) -> None:
        """See `Stock.lost`. A kernel that was in the stock will be replaced."""
        if start in self._stock:
            self._stock.remove(start)
            self._pacing.lost()
        self._plan()

    def ended(self, start: PooledStart) -> None:
        """See `Stock.ended`."""
        self._begun.discard(start)
        self.lost(start)
        self._check_emptied()
