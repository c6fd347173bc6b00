"""Kernels' directories are removed in threads of their own: a stranger says how long that takes."""

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

#: How many trees are removed at a time. More would only get in one another's way on the disk.
AT_ONCE = 2

#: How long removals may take once the server is to stop, in seconds. The next one sweeps the rest.
PATIENCE = 10.0

#: Until a tree that could not be removed is tried once more, in seconds: descriptors may have run out.
AGAIN = 60.0


class Remove(Protocol):
    """Removes a tree while that is wanted, and raises nothing; see `WorkDirs.remove`."""

    def __call__(self, path: Path, wanted: Callable[[], bool]) -> bool:
        """Whether it is gone. Blocks."""


@define(kw_only=True, eq=False)
class Removals:
    """Removes trees, by `remove` in `threads`, a pool that is this one's to start and to stop."""

    reactor: Any
    threads: Any  # a ThreadPool
    remove: Remove
    _wanted: bool = field(default=True, init=False)  # read in the threads, set in the reactor's
    _last_resort: IDelayedCall | None = field(default=None, init=False)
    _later: dict[Path, IDelayedCall] = field(factory=dict, init=False)

    def start(self) -> None:
        """Have threads."""
        self._wanted = True
        self.threads.start()

    def begin(self, path: Path) -> Deferred[bool]:
        """Remove a tree, in its turn; fires when that is over, with whether the tree is gone.

        One that is not is tried once more, later. Never fails. Cancelling gives up the answer, not the work. Fires at once when the time of a
        server that is to stop is over.
        """
        if not self._wanted:
            _log.warn("{path}: left to the next start", path=str(path))
            return succeed(False)
        return self._remove(path).addCallback(self._tried, path)

    def hurry(self) -> None:
        """The server is to stop: what is not removed before long stays for the next one."""
        if self._last_resort is None:
            self._last_resort = self.reactor.callLater(PATIENCE, self._give_up)

    def stop(self) -> None:
        """Remove nothing more, and have no threads; blocks for a moment at most."""
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
            again.addErrback(lambda failure: _log.failure("removing once more", failure))

    def _give_up(self) -> None:
        self._wanted = False
