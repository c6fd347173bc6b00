"""One kernel of the pool, from its start to its end, whoever has it by then."""

from __future__ import annotations

from typing import Protocol

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from sagecell_tx.sessions.interfaces import Exit, Kernel, KernelObserver, StartFailed
from sagecell_tx.wire.messages import Message

_log = Logger()


class Stock(Protocol):
    """Who is told what becomes of the kernels that it had started."""

    def came_up(self, start: PooledStart) -> None:
        """A kernel is up."""

    def lost(self, start: PooledStart) -> None:
        """A kernel is no good, or ends."""

    def ended(self, start: PooledStart) -> None:
        """Nothing is left of a kernel."""


@define(kw_only=True, eq=False)
class PooledStart:
    """One kernel of the inner host. It observes that kernel, and passes all on to `observer`.

    There is no `observer` while the kernel is nobody's; whoever takes it sets one. From then on the
    kernel has that one's `kernel_id`, and no longer the `name` that it was started with.
    `coming` fires with the kernel, or fails if there is an observer, who will be told the end.
    """

    name: str
    clock: IReactorTime
    start_seconds: float  # that it has to come up, while it is nobody's
    stock: Stock
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
            self._patience = self.clock.callLater(self.start_seconds, self._timed_out)
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
        self.stock.came_up(self)
        self.coming.callback(kernel)

    def _failed(self, failure: Failure) -> None:
        self._waited()
        self.stock.lost(self)
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
            self.stock.lost(self)
            self.give_up()

    # --- KernelObserver

    @property
    def kernel_id(self) -> str:
        """What the kernel is called in the log."""
        return self.name if self.observer is None else self.observer.kernel_id

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
            self.stock.lost(self)
            self.give_up()

    def limit_near(self, reason: str, seconds: float) -> None:
        """The host will end the kernel before long; nobody's kernel takes that much."""
        if self.observer is not None:
            self.observer.limit_near(reason, seconds)

    def kernel_ended(self, how: Exit) -> None:
        """The kernel is gone."""
        self.stock.ended(self)
        if self.observer is not None:
            self.observer.kernel_ended(how)
