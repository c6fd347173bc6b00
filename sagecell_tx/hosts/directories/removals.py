"""Removes kernels' directories in separate threads: a program can make that take long."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

_log = Logger()

#: Trees that are removed at a time. More would only compete for the disk.
AT_ONCE = 2

#: Seconds that removals may take after `hurry`. The next start of the server removes the rest.
PATIENCE = 10.0

#: Seconds until the second attempt on a tree: descriptors may have run out in the first.
AGAIN = 60.0


class Remove(Protocol):
    """Removes a tree while `wanted` returns true, and raises nothing; see `WorkDirs.remove`."""

    def __call__(self, path: Path, wanted: Callable[[], bool]) -> bool:
        """Remove the tree `path`; returns whether it is gone. Blocks."""


@define(kw_only=True, eq=False)
class Removals:
    """Removes trees by calling `remove` in `threads`, a pool that it starts and stops."""

    reactor: Any
    threads: Any  # a ThreadPool
    remove: Remove
    _wanted: bool = field(default=True, init=False)  # set in the reactor's thread, read in others
    _last_resort: IDelayedCall | None = field(default=None, init=False)
    _later: dict[Path, IDelayedCall] = field(factory=dict, init=False)

    def start(self) -> None:
        """Start the threads."""
        self._wanted = True
        self.threads.start()

    def begin(self, path: Path) -> Deferred[bool]:
        """Queue the removal of a tree; fires with whether the tree is gone. Never fails.

        A tree that is not gone is tried once more after `AGAIN` seconds. Cancelling does not stop
        the removal. Fires with False at once when the time after `hurry` is over.
        """
        if not self._wanted:
            _log.warn("{path}: left to the next start", path=str(path))
            return succeed(False)
        return self._remove(path).addCallback(self._tried, path)

    def hurry(self) -> None:
        """Give up after `PATIENCE` seconds, since the server is stopping. Harmless if repeated."""
        if self._last_resort is None:
            self._last_resort = self.reactor.callLater(PATIENCE, self._give_up)

    def stop(self) -> None:
        """Give up all removals and stop the threads; blocks until each has seen that."""
        self._give_up()
        if self._last_resort is not None and self._last_resort.active():
            self._last_resort.cancel()
        self._last_resort = None
        for call in self._later.values():
            call.cancel()
        self._later.clear()
        self.threads.stop()

    def _remove(self, path: Path) -> Deferred[bool]:
        return deferToThreadPool(
            self.reactor, self.threads, self.remove, path, wanted=lambda: self._wanted
        )

    def _tried(self, gone: bool, path: Path) -> bool:
        if not gone and self._wanted:
            self._later[path] = self.reactor.callLater(AGAIN, self._try_again, path)
        return gone

    def _try_again(self, path: Path) -> None:
        del self._later[path]
        if self._wanted:
            again = self._remove(path)
            again.addErrback(lambda failure: _log.failure("a second removal failed", failure))

    def _give_up(self) -> None:
        self._wanted = False
