"""One kernel of the pool, from its start to its end."""

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
    """Is notified of what happens to the kernels that it started."""

    def came_up(self, start: PooledStart) -> None:
        """A kernel is up."""

    def lost(self, start: PooledStart) -> None:
        """A kernel cannot be handed out: it did not start, or it hangs."""

    def ended(self, start: PooledStart) -> None:
        """A kernel's process tree and directory are gone."""


@define(kw_only=True, eq=False)
class PooledStart:
    """One kernel of the inner host. It observes that kernel, and passes all on to `observer`.

    `observer` is None until the kernel is handed out. From then on the kernel has the observer's
    `kernel_id`, and no longer the `name` that it was started with. `coming` fires with the kernel;
    it fails only if there is an observer, whose `kernel_ended` is called later. Cancelling it
    cancels the start.
    """

    name: str
    clock: IReactorTime
    start_seconds: float  # within which it has to start without an observer
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
        """Whether the kernel can be used: it has started, and its process exists."""
        return self.kernel is not None and self.kernel.alive

    @property
    def waiting(self) -> bool:
        """Whether the kernel is still starting."""
        return self._starting is not None

    def follow(self, starting: Deferred[Kernel]) -> None:
        """Follow the start, which the inner host has begun."""
        self._starting = starting
        if self.observer is None:
            self._patience = self.clock.callLater(self.start_seconds, self._timed_out)
        starting.addCallbacks(self._came_up, self._failed)

    def give_up(self) -> None:
        """Kill the kernel, or cancel its start."""
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
        """Give up a start that takes too long; an observer has a timeout of its own."""
        if self.observer is None:
            self.stock.lost(self)
            self.give_up()

    # --- KernelObserver

    @property
    def kernel_id(self) -> str:
        """See `KernelObserver.kernel_id`."""
        return self.name if self.observer is None else self.observer.kernel_id

    def message_received(self, message: Message) -> None:
        """See `KernelObserver.message_received`. Without an observer, messages are dropped."""
        if self.observer is not None:
            self.observer.message_received(message)

    def slice_over(self) -> None:
        """See `KernelObserver.slice_over`."""
        if self.observer is not None:
            self.observer.slice_over()

    def heartbeat_missed(self) -> None:
        """See `KernelObserver.heartbeat_missed`. Without an observer, the kernel is killed."""
        if self.observer is not None:
            self.observer.heartbeat_missed()
        else:
            _log.warn("{kernel}: no heartbeat", kernel=self.kernel_id)
            self.stock.lost(self)
            self.give_up()

    def limit_near(self, reason: str, seconds: float) -> None:
        """See `KernelObserver.limit_near`. An unused kernel comes near no limit."""
        if self.observer is not None:
            self.observer.limit_near(reason, seconds)

    def kernel_ended(self, how: Exit) -> None:
        """See `KernelObserver.kernel_ended`."""
        self.stock.ended(self)
        if self.observer is not None:
            self.observer.kernel_ended(how)
