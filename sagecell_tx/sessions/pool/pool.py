"""Kernels that are up before anybody asks for one, each used once.

A host around another host. Whoever starts a kernel gets one from the stock: one that is up,
at once, or one that is on its way; with the stock empty, the inner host starts one as if
there were no stock. `Demand` says how large the stock should be. It is filled one kernel at
a time, when nobody waits for a start and a moment after the last kernel was handed out, so
that the first cells of visitors do not have to share the processor with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from sagecell_tx.limits import AdmissionLimits
from sagecell_tx.sessions.interfaces import Exit, Host, Kernel, KernelObserver, StartFailed
from sagecell_tx.sessions.pool.demand import Demand
from sagecell_tx.wire.messages import Message

_log = Logger()

#: Rest between a start and the next one for the stock, in seconds.
PAUSE = 0.1

#: The same after ready kernels were lost, doubled each time: the first and the longest rest.
FIRST_RETRY = 1.0
LONGEST_RETRY = 60.0


@define(kw_only=True, eq=False)
class ReadyKernels(Service):
    """Hands out the kernels of `host`, some of them before they are asked for.

    While it is not running nothing is kept ready, and starts are those of `host`.
    """

    host: Host
    limits: AdmissionLimits
    start_seconds: float  # that a kernel has to come up
    clock: IReactorTime
    _demand: Demand = field(init=False)
    _stock: list[_Start] = field(factory=list, init=False)  # nobody's yet, the oldest first
    _begun: set[_Start] = field(factory=set, init=False)  # all that have not ended
    _numbers: Iterator[int] = field(factory=lambda: count(1), init=False)
    _not_before: float = field(default=0.0, init=False)  # rest until then
    _retry: float = field(default=FIRST_RETRY, init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)
    _emptied: Deferred[None] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._demand = Demand(limits=self.limits, clock=self.clock)

    @property
    def ready(self) -> int:
        """How many kernels can be had at once."""
        return sum(start.is_up for start in self._stock)

    # --- Host

    def start(self, kernel_id: str, observer: KernelObserver) -> Deferred[Kernel]:
        """See `sagecell_tx.sessions.interfaces.Host.start`. Fires at once if one is ready."""
        self._demand.started()
        usable = [start for start in self._stock if start.is_up or start.waiting]
        if usable:
            # The oldest that is up; else the oldest, which will be up before a new one.
            taken = min(usable, key=lambda start: start.waiting)
            self._stock.remove(taken)
            _log.info("{kernel}: is kernel {ready}", kernel=kernel_id, ready=taken.kernel_id)
            taken.observer = observer
            if taken.kernel is not None:
                self._handed_out()
        else:
            taken = self._begin(kernel_id, observer)
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
        return max(0.0, self._not_before - self.clock.seconds())

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
                self._begin(f"ready-{next(self._numbers)}", None)
            except Exception:
                _log.failure("starting a ready kernel")
                self._back_off()
        self._plan()

    def _begin(self, kernel_id: str, observer: KernelObserver | None) -> _Start:
        start = _Start(kernel_id=kernel_id, pool=self, observer=observer)
        self._begun.add(start)
        if observer is None:
            self._stock.append(start)
        try:
            start.follow(self.host.start(kernel_id, start))
        except Exception:
            # A host that raises has begun nothing, so nobody will tell of an end.
            self._begun.discard(start)
            if start in self._stock:
                self._stock.remove(start)
            raise
        return start

    def _handed_out(self) -> None:
        """Somebody has a kernel, and will want it to himself for a moment."""
        self._not_before = self.clock.seconds() + PAUSE
        self._retry = FIRST_RETRY

    def _back_off(self) -> None:
        """Something is wrong when kernels are lost that nobody has used.

        Those that are lost together count as one.
        """
        if self._not_before <= self.clock.seconds() + PAUSE:
            _log.warn("ready kernels are lost; others in {wait} s", wait=self._retry)
            self._not_before = self.clock.seconds() + self._retry
            self._retry = min(2 * self._retry, LONGEST_RETRY)

    # --- for its starts

    def came_up(self, start: _Start) -> None:
        """A kernel is up."""
        if start.observer is None:
            self._not_before = max(self._not_before, self.clock.seconds() + PAUSE)
        else:
            self._handed_out()
        self._plan()

    def lost(self, start: _Start) -> None:
        """A kernel is no good, or ends; one that was in the stock will be replaced."""
        if start in self._stock:
            self._stock.remove(start)
            self._back_off()
        self._plan()

    def ended(self, start: _Start) -> None:
        """Nothing is left of a kernel."""
        self._begun.discard(start)
        self.lost(start)
        self._check_emptied()


@define(kw_only=True, eq=False)
class _Start:
    """One kernel of the inner host. It is its observer, and passes all on to its own, if any.

    `coming` fires with the kernel, or fails if it has an observer, who will be told the end.
    """

    kernel_id: str
    pool: ReadyKernels
    observer: KernelObserver | None
    coming: Deferred[Kernel] = field(init=False)
    kernel: Kernel | None = field(default=None, init=False)
    _starting: Deferred[Kernel] | None = field(default=None, init=False)
    _patience: IDelayedCall | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.coming = Deferred(lambda _: self.give_up())

    @property
    def is_up(self) -> bool:
        """The kernel is there; one whose process is gone is not, before its end is told."""
        return self.kernel is not None and self.kernel.alive

    @property
    def waiting(self) -> bool:
        """It is not known yet whether the kernel comes up."""
        return self._starting is not None

    def follow(self, starting: Deferred[Kernel]) -> None:
        """The inner host was asked for the kernel."""
        self._starting = starting
        if self.observer is None:
            pool = self.pool
            self._patience = pool.clock.callLater(pool.start_seconds, self._timed_out)
        starting.addCallbacks(self._came_up, self._failed)

    def give_up(self) -> None:
        """Kill the kernel, be it up or not."""
        if self.kernel is not None:
            self.kernel.kill()
        elif self._starting is not None:
            self._starting.cancel()

    def _came_up(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._waited()
        self.pool.came_up(self)
        self.coming.callback(kernel)

    def _failed(self, failure: Failure) -> None:
        self._waited()
        self.pool.lost(self)
        if self.observer is not None:
            self.coming.errback(failure)
        elif failure.check(StartFailed, CancelledError) is None:
            _log.failure("{kernel}: start failed", failure, kernel=self.kernel_id)

    def _waited(self) -> None:
        self._starting = None
        if self._patience is not None and self._patience.active():
            self._patience.cancel()

    def _timed_out(self) -> None:
        """The start takes too long; if it is somebody's by now, that one has a clock as well."""
        if self.observer is None:
            self.pool.lost(self)
            self.give_up()

    # --- KernelObserver

    def message_received(self, message: Message) -> None:
        """The kernel said something. What it says to nobody is how its start goes."""
        if self.observer is not None:
            self.observer.message_received(message)

    def heartbeat_missed(self) -> None:
        """The kernel hangs."""
        if self.observer is not None:
            self.observer.heartbeat_missed()
        else:
            _log.warn("{kernel}: no heartbeat", kernel=self.kernel_id)
            self.pool.lost(self)
            self.give_up()

    def limit_near(self, reason: str, seconds: float) -> None:
        """The host will end the kernel before long; nobody's kernel takes that much."""
        if self.observer is not None:
            self.observer.limit_near(reason, seconds)

    def kernel_ended(self, how: Exit) -> None:
        """The kernel is gone."""
        self.pool.ended(self)
        if self.observer is not None:
            self.observer.kernel_ended(how)
