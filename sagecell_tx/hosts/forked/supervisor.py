"""Keeps one fork server at work, and a spare one loaded.

Loading everything takes seconds. So a fork server that dies is replaced by the spare, which has
loaded already, and then a new spare is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from sagecell_tx.hosts.forked.protocol import ForkServerProtocol

_log = Logger()

#: A fork server that lived for SOUND seconds is replaced at once; others with back-off, after
#: LONGEST_WAIT seconds at most.
SOUND = 10.0
LONGEST_WAIT = 30.0

#: How long a fork server may take to end, in seconds.
PATIENCE = 5.0

#: How long it may take to load everything, in seconds: a disk may be slow, and Sage is large.
LOADING = 600.0

#: The least number of seconds for which it may be silent, whatever `patience` is.
SHORTEST = 1.0

#: The part of the available memory that a spare may need. Sage's is large, and kernels go first.
SHARE = 1 / 8

#: Pings in the time for which it may be silent.
QUESTIONS = 5

Line = dict[str, Any]


@define(eq=False)
class _Running:
    """One run of the program. `ready` is its ready event.

    `silent` is the time since its last pong, in seconds, while the web process was responsive
    itself. Other events do not count: only a pong shows that its monitor is alive as well.
    """

    started_at: float
    silent: float = field(default=0.0, init=False)
    protocol: ForkServerProtocol = field(init=False)
    ready: Line | None = field(default=None, init=False)


@define(kw_only=True, eq=False)
class ForkServers:
    """Keeps a fork server at work, and with `spare` another one loaded, if there is memory for it.

    `available` returns the bytes of memory that are available on this machine.
    `came_up` is called with the ready event of each that begins to work, `event` with the later
    events of the one at work; `lost` is called when it has ended, with all its kernels. A fork
    server that does not answer pings for `patience`, in seconds, is killed.
    """

    reactor: Any
    spare: bool
    available: Callable[[], int]
    patience: float
    came_up: Callable[[Line], None]
    event: Callable[[Line], None]
    lost: Callable[[], None]
    _argv: list[str] = field(factory=list, init=False)
    _at_work: _Running | None = field(default=None, init=False)
    _standby: _Running | None = field(default=None, init=False)
    _short_lives: int = field(default=0, init=False)
    _retry: IDelayedCall | None = field(default=None, init=False)
    _asking: IDelayedCall | None = field(default=None, init=False)
    _asked: float = field(default=0.0, init=False)  # the time of the last pings
    _finished: Deferred[None] | None = field(default=None, init=False)

    def start(self, argv: list[str]) -> None:
        """Start the first one; `argv` is the program and its arguments."""
        self._finished, self._argv = None, argv
        self._fill()
        self._ask_again()

    def stop(self) -> Deferred[None]:
        """End the fork servers, after `PATIENCE` by force; fires when they have ended.

        One that is still loading is killed at once: it reads no commands yet, and has no kernels.
        """
        finished: Deferred[None] = Deferred()
        self._finished = finished
        for timer in (self._retry, self._asking):
            if timer is not None and timer.active():
                timer.cancel()
        for running in (self._at_work, self._standby):
            if running is not None:
                running.protocol.finish()
                if running.ready is None:
                    running.protocol.kill()
        last_resort = self.reactor.callLater(PATIENCE, self._kill_all)
        finished.addBoth(lambda _: last_resort.active() and last_resort.cancel())
        self._check_finished()
        return finished.addCallback(lambda _: None)

    def send_command(self, descriptors: Sequence[int] = (), /, **line: object) -> None:
        """Send a command to the one at work, or drop it if none is. Takes over the descriptors."""
        if self._at_work is not None:
            self._at_work.protocol.send_command(descriptors, **line)
        else:
            for descriptor in descriptors:
                os.close(descriptor)

    def _fill(self) -> None:
        """Start one if one is missing: the spare only once the other is ready."""
        try:
            if self._at_work is None:
                self._at_work = self._spawn()
            elif self._standby is None and self._wants_spare(self._at_work.ready):
                self._standby = self._spawn()
        except OSError as error:
            _log.error(
                "no fork server can be started: {why}; next attempt within {wait} s",
                why=error.strerror,
                wait=LONGEST_WAIT,
            )
            self._fill_in(LONGEST_WAIT)

    def _wants_spare(self, ready: Line | None) -> bool:
        """Whether there is memory for another one like the one at work, which has sent `ready`."""
        if not self.spare or ready is None:
            return False
        needed, available = ready.get("memory"), self.available()
        if not isinstance(needed, int) or needed <= available * SHARE:
            return True
        _log.info(
            "no spare fork server: it would need {needed} MiB, and {available} MiB are available",
            needed=needed >> 20,
            available=available >> 20,
        )
        return False

    def _fill_in(self, wait: float) -> None:
        """Call `_fill` in so many seconds, or sooner if that is scheduled already."""
        if self._retry is not None and self._retry.active():
            if self._retry.getTime() <= self.reactor.seconds() + wait:
                return
            self._retry.cancel()
        self._retry = self.reactor.callLater(wait, self._fill)

    def _spawn(self) -> _Running:
        running = _Running(self.reactor.seconds())
        running.protocol = ForkServerProtocol(
            self.reactor,
            lambda line: self._received(running, line),
            lambda reason: self._ended(running, reason),
        )
        running.protocol.spawn(self._argv)
        return running

    def _received(self, running: _Running, line: Line) -> None:
        if line.get("event") == "pong":
            running.silent = 0.0
        elif line.get("event") == "ready" and running.ready is None:
            running.ready, running.silent = line, 0.0
            _log.info("a fork server is up in {seconds} s", seconds=line.get("seconds"))
            if running is self._at_work:
                self.came_up(line)
                self._fill()
        elif line.get("event") == "unavailable":
            _log.error("a fork server cannot confine kernels: {why}", why=line.get("message"))
        elif running is self._at_work:
            self.event(line)
        else:
            _log.warn("unexpected line from the spare fork server: {line}", line=line)

    def _ended(self, running: _Running, reason: Failure) -> None:
        worked = running is self._at_work
        if worked:
            self._at_work, self._standby = self._standby, None
            self.lost()
        else:
            self._standby = None
        if self._finished is not None:
            self._check_finished()
            return
        wait = self._back_off(running)
        _log.error(
            "a fork server ended: {why}; next start in {wait} s", why=reason.value, wait=wait
        )
        self._fill_in(wait)
        if worked and self._at_work is not None and self._at_work.ready is not None:
            self.came_up(self._at_work.ready)

    @property
    def _interval(self) -> float:
        """Seconds between two pings."""
        return max(self.patience, SHORTEST) / QUESTIONS

    def _ask_again(self) -> None:
        self._asked = self.reactor.seconds()
        self._asking = self.reactor.callLater(self._interval, self._ask)

    def _ask(self) -> None:
        """Ping each fork server, and kill one that has not answered for too long.

        If this process, or the machine, was suspended meanwhile, answers may have arrived unread:
        then the silence of each starts at 0 again.
        """
        on_time = self.reactor.seconds() - self._asked < 2 * self._interval
        for running in (self._at_work, self._standby):
            if running is None:
                continue
            if not on_time:
                running.silent = 0.0
            allowed = LOADING if running.ready is None else QUESTIONS * self._interval
            if running.silent >= allowed:
                _log.error("a fork server has not answered for {wait} s: killed", wait=allowed)
                running.silent = 0.0
                running.protocol.kill()
                continue
            running.silent += self._interval
            if running.ready is not None:
                running.protocol.send_command(op="ping")
        self._ask_again()

    def _back_off(self, running: _Running) -> float:
        """Seconds until the next start: 0 after a life of `SOUND` seconds, else doubling."""
        if self.reactor.seconds() - running.started_at >= SOUND:
            self._short_lives = 0
            return 0.0
        self._short_lives += 1
        return float(min(0.05 * 2**self._short_lives, LONGEST_WAIT))

    def _kill_all(self) -> None:
        """Kill those that have been asked to end."""
        for running in (self._at_work, self._standby):
            if running is not None and running.ready is not None:
                running.protocol.kill()

    def _check_finished(self) -> None:
        if self._finished is not None and self._at_work is None and self._standby is None:
            finished, self._finished = self._finished, Deferred()
            finished.callback(None)
