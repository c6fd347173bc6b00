"""The start of one kernel: one request to a host, and its outcome for everybody who waits."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from sagecell_tx.sessions.interfaces import Host, Kernel, KernelObserver, StartFailed
from sagecell_tx.sessions.spec import KernelSpec
from sagecell_tx.sessions.waiters import OneShot

_log = Logger()


@define(kw_only=True, eq=False)
class KernelStart:
    """One kernel start, from the request to the host until it has succeeded or failed.

    `on_up` is called with the kernel before `when_ready` fires; `on_failed` is called when the
    start has failed. `seconds` is how long a start may take; the owner keeps the time and calls
    `give_up`.
    """

    kernel_id: str
    spec: KernelSpec
    seconds: float
    on_up: Callable[[Kernel], None]
    on_failed: Callable[[], None]
    _starting: Deferred[Kernel] | None = field(default=None, init=False)
    _why_not: str = field(default="", init=False)  # why the start has failed, once it has
    # Why there is no kernel; empty if there is one.
    _outcome: OneShot[str] = field(factory=OneShot, init=False)

    def begin(self, host: Host, observer: KernelObserver) -> Deferred[None]:
        """Request the kernel from `host`. Fires when the start has succeeded or failed.

        Raises what the host raises, which has then started nothing.
        """
        self._starting = host.start(self.spec, observer)
        return self._starting.addCallbacks(self._came_up, self._failed)

    def when_ready(self) -> Deferred[None]:
        """Fires when the kernel is up; fails with `StartFailed` if the start fails or times out.

        Each call gives a Deferred of its own; cancelling it cancels nothing else.
        """
        if self._why_not:
            return fail(StartFailed(self._why_not))
        return self._outcome.when_fired().addCallback(_check_started)

    def give_up(self, *, timed_out: bool) -> None:
        """Cancel a start that is in progress.

        If it has `timed_out`, `when_ready` fails at once, without waiting for the host to clean
        up, which may hang.
        """
        if self._starting is None:
            return
        self._starting.cancel()
        if timed_out:
            self._why_not = "The program could not be started in time."
            _log.warn("{kernel}: no start in {limit} s", kernel=self.kernel_id, limit=self.seconds)
            self._outcome.fire(self._why_not)

    def close(self, sentence: str) -> None:
        """Fail a waiting `when_ready` with the reason of a failed start, else with `sentence`."""
        self._outcome.fire(self._why_not or sentence)

    def _came_up(self, kernel: Kernel) -> None:
        self._starting = None
        self.on_up(kernel)
        self._outcome.fire("")

    def _failed(self, failure: Failure) -> None:
        self._starting = None
        if failure.check(StartFailed, CancelledError) is None:
            _log.failure("{kernel}: start failed", failure, kernel=self.kernel_id)
        elif failure.check(StartFailed):
            _log.warn("{kernel}: {why}", kernel=self.kernel_id, why=failure.value)
            self._why_not = str(failure.value)
        self.on_failed()


def _check_started(why_not: str) -> None:
    if why_not:
        raise StartFailed(why_not)
