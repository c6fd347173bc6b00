"""A database's server that is away: nobody waits for it, and it is asked until it is back."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

_log = Logger()

#: Seconds from one answer that the server is away to the next question.
INTERVAL = 1.0


@define(kw_only=True, eq=False)
class Outage:
    """Whether the server is away, which `begin` says.

    `ask` is called until its Deferred fires; a failure means that the server is still away. The first
    time is at once: a connection may have been cut while the server is there.
    """

    _clock: IReactorTime
    _ask: Callable[[], Deferred[None]]
    _since: float | None = field(default=None, init=False)  # by the clock; None: it is there
    _timer: IDelayedCall | None = field(default=None, init=False)
    _closed: bool = field(default=False, init=False)

    @property
    def lasts(self) -> bool:
        """Whether the server is away."""
        return self._since is not None

    def begin(self, why: str) -> None:
        """The server did not answer; `why` is a sentence for the log."""
        if self._since is not None or self._closed:
            return
        self._since = self._clock.seconds()
        _log.error("the database is away: {why}", why=why)
        self._timer = self._clock.callLater(0.0, self._question)

    def close(self) -> None:
        """Ask no more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _question(self) -> None:
        self._timer = None
        self._ask().addCallbacks(self._answered, self._not_answered)

    def _answered(self, _: None) -> None:
        assert self._since is not None, "it is asked only while it is away"
        seconds, self._since = self._clock.seconds() - self._since, None
        _log.info("the database is back after {seconds:.1f} s", seconds=seconds)

    def _not_answered(self, _: Failure) -> None:
        if not self._closed:
            self._timer = self._clock.callLater(INTERVAL, self._question)
