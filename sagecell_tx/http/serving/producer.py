"""A response's body, written piece by piece as the client takes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.web.server import Request
from zope.interface import implementer

#: Bytes that are written at once.
PIECE = 64 * 1024


def in_pieces(*parts: bytes) -> Iterator[bytes]:
    """The parts, joined where they are short and cut where they are long."""
    if sum(map(len, parts)) <= PIECE:
        yield b"".join(parts)
        return
    for part in parts:
        for start in range(0, len(part), PIECE):
            yield part[start : start + PIECE]


@implementer(IPushProducer)
@define(kw_only=True, eq=False)
class ResponseProducer:
    """One body. `more` gives the next pieces, None when there are none now; without it, the
    body is over after its beginning.

    A client that takes nothing for `stalled` seconds is cut off.
    """

    request: Request
    clock: IReactorTime
    stalled: float
    more: Callable[[], Iterator[bytes] | None] | None = None
    paused: bool = field(default=False, init=False)
    _pieces: Iterator[bytes] = field(default=iter(()), init=False)
    _done: Deferred[None] | None = field(default=None, init=False)
    _patience: IDelayedCall | None = field(default=None, init=False)

    def start(self, beginning: Iterator[bytes]) -> Deferred[None]:
        """Write; fires when all is written. Cancelling stops the writing."""
        self._pieces = beginning
        done: Deferred[None] = Deferred(lambda _: self._stop())
        self._done = done
        self.request.write(b"")  # the headers, so that the client knows that it is heard
        self.request.registerProducer(self, True)
        self.produce()
        return done

    def produce(self) -> None:
        """There may be more to write."""
        while self._may_write():
            for piece in self._pieces:
                self.request.write(piece)
                if not self._may_write():
                    return
            if self.more is None:
                self.finish()
                return
            pieces = self.more()
            if pieces is None:
                return
            self._pieces = pieces

    def finish(self) -> None:
        """That was all. A second time changes nothing."""
        if self._done is not None:
            done = self._done
            self._stop()
            self.request.unregisterProducer()
            done.callback(None)

    def abort(self) -> None:
        """Cut the connection, so that the client sees that something is missing."""
        self.request.channel.forceAbortClient()

    # --- IPushProducer

    def pauseProducing(self) -> None:  # noqa: N802
        """The client is slow."""
        if not self.paused:
            self.paused = True
            self._patience = self.clock.callLater(self.stalled, self.abort)

    def resumeProducing(self) -> None:  # noqa: N802
        """The client has taken what there was."""
        self._stop_waiting()
        self.paused = False
        self.produce()

    def stopProducing(self) -> None:  # noqa: N802
        """The client is gone; the writing is about to be cancelled."""
        self.paused = True
        self._stop_waiting()

    def _may_write(self) -> bool:
        """The body is not over, and the client takes more."""
        return self._done is not None and not self.paused

    def _stop(self) -> None:
        self._done = None
        self._stop_waiting()

    def _stop_waiting(self) -> None:
        if self._patience is not None and self._patience.active():
            self._patience.cancel()
