"""Backpressure: writes no faster than the client reads, by Twisted's push producers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from typing_extensions import override
from zope.interface import implementer

_T = TypeVar("_T")


@implementer(IPushProducer)
@define(kw_only=True, eq=False)
class PushProducer:
    """Keeps track of whether a transport, or a request, takes more data.

    It is `paused` while written data waits for the client; `on_resumed` is called when that has
    been read.
    """

    on_resumed: Callable[[], None]
    paused: bool = field(default=False, init=False)

    def pauseProducing(self) -> None:  # noqa: N802
        """Written data waits for the client."""
        self.paused = True

    def resumeProducing(self) -> None:  # noqa: N802
        """The client has read it."""
        self.paused = False
        self.on_resumed()

    def stopProducing(self) -> None:  # noqa: N802
        """The client has disconnected, or there is nothing more to write."""
        self.paused = True


@define(kw_only=True, eq=False)
class TimedProducer(PushProducer):
    """A push producer that calls `on_stalled` once it has been paused for `stalled` seconds."""

    clock: IReactorTime
    stalled: float
    on_stalled: Callable[[], None]
    _timer: IDelayedCall | None = field(default=None, init=False)

    @override
    def pauseProducing(self) -> None:
        """Written data waits for the client."""
        if not self.paused:
            self.paused = True
            self._timer = self.clock.callLater(self.stalled, self.on_stalled)

    @override
    def resumeProducing(self) -> None:
        """The client has read it."""
        self._cancel()
        super().resumeProducing()

    @override
    def stopProducing(self) -> None:
        """The client has disconnected, or there is nothing more to write."""
        self._cancel()
        self.paused = True

    def _cancel(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()


@define(kw_only=True, eq=False)
class Pump(Generic[_T]):
    """Writes pieces one after another while the other side takes them.

    `writable` tells whether it takes one now. `more` gives the pieces after the last one, or None
    if there are none yet. Call `run` when either may have changed.
    """

    writable: Callable[[], bool]
    write: Callable[[_T], None]
    more: Callable[[], Iterator[_T] | None]
    pieces: Iterator[_T] = field(default=iter(()))
    _running: bool = field(default=False, init=False)

    def run(self) -> None:
        """Write all that can be written now. `write` may call this again."""
        if self._running:
            return
        self._running = True
        try:
            while self.writable():
                piece = next(self.pieces, None)
                if piece is not None:
                    self.write(piece)
                    continue
                pieces = self.more()
                if pieces is None:
                    return
                self.pieces = pieces
        finally:
            self._running = False

    def drop(self) -> None:
        """Release the pieces that were not written; they may be large."""
        self.pieces = iter(())
