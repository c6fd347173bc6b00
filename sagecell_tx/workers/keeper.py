"""The keeper: the process that twistd starts where a server has several.

It opens the listening sockets, runs the workers, and keeps the places that they share. It serves no
requests itself, and has no part in what goes on between a client and a kernel.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from typing_extensions import override

from sagecell_tx.process.logs import LogWriter
from sagecell_tx.server import PermalinkServer
from sagecell_tx.sessions.admission.places import PlacePool
from sagecell_tx.sessions.admission.visitors import Purpose
from sagecell_tx.workers.worker import Worker

_log = Logger()

#: Seconds that the server waits for the last of its workers to come up, from the first one on. One that never does must not
#: keep the others from being known to be ready.
GATHERING = 30.0

#: Seconds after which other workers are told to make room for those who still wait. Not all are at once, or each would end a session for
#: one visitor; a session takes a second to end.
TURN = 2.0

#: Seconds after a drain in which all workers should have ended.
OVERDUE = 15.0


class Lock(Protocol):
    """What two servers cannot share."""

    def open(self) -> object:
        """Lock it. Raises `ConfigError`."""

    def close(self) -> None:
        """Unlock it."""


@define(kw_only=True, eq=False)
class Keeper(PermalinkServer):
    """Runs `workers`, whose places are in `pools`.

    `control` is where it is told what to do. A drain takes `drain_seconds` at most. `fail` lets the process end
    with an error once it has stopped.
    """

    pools: Mapping[Purpose, PlacePool]
    lock: Lock
    drain_seconds: float
    fail: Callable[[], None]
    has_terminal: Callable[[], bool] = lambda: os.isatty(0)
    workers: Sequence[Worker] = field(default=(), init=False)
    control: Service = field(factory=Service, init=False)
    _drained_at: float | None = field(default=None, init=False)
    _is_up: bool = field(default=False, init=False)
    _gathering: IDelayedCall | None = field(default=None, init=False)
    _ending: IDelayedCall | None = field(default=None, init=False)  # a drain
    _told: dict[int, int] = field(factory=dict, init=False)  # by index, how many should make room
    _turn: int = field(
        default=0, init=False
    )  # the index of the first of those that are told of one more
    _turning: IDelayedCall | None = field(default=None, init=False)

    def __len__(self) -> int:
        """The number of kernels that are in use, or about to be."""
        return sum(pool.taken for pool in self.pools.values())

    @property
    def draining(self) -> float | None:
        """Seconds until the sessions that are left will be ended; None if nobody drains."""
        if self._drained_at is None:
            return None
        clock: IReactorTime = self.reactor
        return max(0.0, self._drained_at + self.drain_seconds - clock.seconds())

    # --- the service

    @override
    def _claim(self) -> None:
        """Lock the directory: a second keeper fails before it changes anything."""
        self.lock.open()

    @override
    def _begin(self) -> None:
        """Start the workers; the server is ready when all of them are, or some for a while."""
        self.control.startService()
        for worker in self.workers:
            worker.start()

    @override
    async def _say_goodbye(self) -> None:
        """Let all workers stop. Their clients are told by them, while the sockets are open."""
        for timer in (self._gathering, self._ending, self._turning):
            if timer is not None and timer.active():
                timer.cancel()
        await DeferredList([worker.stop() for worker in self.workers])

    @override
    async def _end(self) -> None:
        stopped: Deferred[Any] | None = self.control.stopService()
        if stopped is not None:
            await stopped
        self.lock.close()

    @override
    def _hung_up(self) -> None:
        """Drain; a second time, stop at once."""
        if self.draining is None and not self.has_terminal():
            self.drain()
        else:
            self.finish()

    def drain(self, has_successor: bool = False) -> None:
        """Let all workers drain, and end when they have. Harmless if repeated."""
        if self._drained_at is not None or not self.running:
            return
        self._drained_at = self.reactor.seconds()
        _log.info("draining: no new sessions")
        self.notifier.status("draining: no new sessions")
        self._ending = self.reactor.callLater(self.drain_seconds + OVERDUE, self._overdue)
        for worker in self.workers:
            worker.drain()
        self._end_if_drained()

    def _overdue(self) -> None:
        _log.error("a web process that was drained does not end: all are stopped")
        self.finish()

    # --- what the workers report

    def came_up(self) -> None:
        """A worker is ready."""
        if self._is_up:
            return
        if all(worker.is_up for worker in self.workers):
            self._all_up()
        elif self._gathering is None:
            self._gathering = self.reactor.callLater(GATHERING, self._go_without)

    def _all_up(self) -> None:
        self._is_up = True
        if self._gathering is not None and self._gathering.active():
            self._gathering.cancel()
        self._up()

    def _go_without(self) -> None:
        """Some have not come up. If none is up now, the next one will call again."""
        self._gathering = None
        missing = [worker.node for worker in self.workers if not worker.is_up]
        if len(missing) < len(self.workers):
            _log.error("ready without web processes {missing}: their log says why", missing=missing)
            self._all_up()

    def has_ended(self, worker: Worker, failed: bool) -> None:
        """A worker's process has ended by itself, and everything that it had is free."""
        if self._drained_at is not None:
            self._end_if_drained()
        elif failed and not any(each.was_up for each in self.workers):
            _log.error("a web process could not start: its reason is above")
            self.fail()
            self.finish()
        else:
            worker.restart_later()

    def _end_if_drained(self) -> None:
        if not any(worker.is_alive for worker in self.workers):
            self.finish()

    def look(self) -> None:
        """Somebody may wait, or wait no more: the workers are told how many kernels should make room."""
        waiting, count = len(self.pools[Purpose.KERNEL].queue), len(self.workers)
        each, more = divmod(waiting, count)
        for index, worker in enumerate(self.workers):
            wanted = each + ((index - self._turn) % count < more)
            if wanted != self._told.get(index, 0):
                self._told[index] = wanted
                worker.tell_wanted(wanted)
        if more and self._turning is None and self.running:
            self._turning = self.reactor.callLater(TURN, self._take_turns, more)

    def _take_turns(self, more: int) -> None:
        """Those that were told of one more may have nothing that could make room."""
        self._turning = None
        self._turn = (self._turn + more) % len(self.workers)
        self.look()

    def relay(self, line: str) -> None:
        """Write a line of a worker's log to this process's own."""
        observer: Any = self.log_observer
        if isinstance(observer, LogWriter):
            observer.write(f"{line}\n")
