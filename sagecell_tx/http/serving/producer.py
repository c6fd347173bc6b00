"""Response bodies, written in pieces as the client reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Request

from sagecell_tx.http.serving.pump import Pump, TimedProducer

#: Bytes that are written at once.
PIECE = 64 * 1024


def in_pieces(*parts: bytes) -> Iterator[bytes]:
    """The pieces to write: all parts joined if they are short together, else each cut up."""
    if sum(map(len, parts)) <= PIECE:
        yield b"".join(parts)
        return
    for part in parts:
        for start in range(0, len(part), PIECE):
            yield part[start : start + PIECE]


@define(kw_only=True, eq=False)
class ResponseProducer:
    """Writes one response body as the client reads it.

    `more` gives the next pieces, or None if there are none yet; without it, the body ends after its
    beginning. A client that reads nothing for `stalled` seconds is disconnected.
    """

    request: Request
    clock: IReactorTime
    stalled: float
    more: Callable[[], Iterator[bytes] | None] | None = None
    _producer: TimedProducer = field(init=False)
    _pump: Pump[bytes] = field(init=False)
    _done: Deferred[None] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._pump = Pump(writable=self._writable, write=self._write, more=self._more)
        self._producer = TimedProducer(
            on_resumed=self._pump.run,
            clock=self.clock,
            stalled=self.stalled,
            on_stalled=self.abort,
        )

    @property
    def paused(self) -> bool:
        """Whether writing waits for the client."""
        return self._producer.paused

    def start(self, beginning: Iterator[bytes]) -> Deferred[None]:
        """Write `beginning`, then `more`; fires when all is written. Cancelling stops writing."""
        self._pump.pieces = beginning
        done: Deferred[None] = Deferred(lambda _: self._stop())
        self._done = done
        self.request.write(b"")  # sends the headers, even if there is no piece yet
        self.request.registerProducer(self._producer, True)
        self._pump.run()
        return done

    def produce(self) -> None:
        """Write more, if `more` has any."""
        self._pump.run()

    def finish(self) -> None:
        """End the body. Harmless if repeated."""
        if self._done is not None:
            done = self._done
            self._stop()
            self.request.unregisterProducer()
            done.callback(None)

    def abort(self) -> None:
        """Cut the connection, so that the client notices that the body is incomplete."""
        self.request.channel.forceAbortClient()

    def _writable(self) -> bool:
        """Whether the body goes on, and the client takes more."""
        return self._done is not None and not self._producer.paused

    def _write(self, piece: bytes) -> None:
        self.request.write(piece)

    def _more(self) -> Iterator[bytes] | None:
        if self.more is not None:
            return self.more()
        self.finish()
        return None

    def _stop(self) -> None:
        self._done = None
        self._pump.drop()
        self._producer.stopProducing()


async def send(request: Request, body: bytes, *, clock: IReactorTime, stalled: float) -> bytes:
    """Write a long body as the client reads it, see `ResponseProducer`; returns what is left of it."""
    if len(body) <= PIECE:
        return body
    request.setHeader("Content-Length", str(len(body)))
    await ResponseProducer(request=request, clock=clock, stalled=stalled).start(in_pieces(body))
    return b""
