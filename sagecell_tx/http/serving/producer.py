"""Response bodies, written in pieces as the client reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.server import Request

from sagecell_tx.http.serving.pump import Pump, TimedProducer

_log = Logger()

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


@define(kw_only=True)
class LongAnswers:
    """Writes whole answers as their clients read them.

    Their programs may have ended long before, so no limit of kernels bounds how many wait. All that are not read yet have at most `most` bytes. Beyond that, the client with the most loses
    its oldest one: the connection is cut, so that it notices. `who` gives the name by which a
    request's client is counted.
    """

    clock: IReactorTime
    who: Callable[[Request], str]
    most: int
    _unread: dict[str, dict[ResponseProducer, int]] = field(factory=dict, init=False)

    @property
    def unread(self) -> int:
        """The bytes of all answers that are not read yet."""
        return sum(map(_size, self._unread.values()))

    async def send(self, request: Request, body: bytes, *, stalled: float) -> bytes:
        """Write a long body; returns what is left of it.

        A client that reads nothing for `stalled` seconds is disconnected.
        """
        if len(body) <= PIECE:
            return body
        request.setHeader("Content-Length", str(len(body)))
        producer = ResponseProducer(request=request, clock=self.clock, stalled=stalled)
        who, size = self.who(request), len(body)
        pieces = in_pieces(body)
        del body  # the pieces alone hold it, until they are dropped
        self._unread.setdefault(who, {})[producer] = size
        try:
            written = producer.start(pieces)
            self._make_room()
            await written
        finally:
            self._forget(who, producer)
        return b""

    def hold(self, request: Request, producer: ResponseProducer, size: int) -> None:
        """Count what another producer is going to write now, of `size` bytes, in place of what it has written."""
        who = self.who(request)
        if size > PIECE:
            self._unread.setdefault(who, {})[producer] = size
            self._make_room()
        else:
            self._forget(who, producer)

    def _make_room(self) -> None:
        """Cut the connections of as many answers as are too much."""
        while self.unread > self.most:
            who = max(self._unread, key=lambda name: _size(self._unread[name]))
            oldest = next(iter(self._unread[who]))
            self._forget(who, oldest)
            _log.warn(
                "An answer that {who} did not read was dropped: unread ones had more than {most} bytes.",
                who=who or "this machine",
                most=self.most,
            )
            oldest.abort()

    def _forget(self, who: str, producer: ResponseProducer) -> None:
        """Count an answer no more. Harmless if repeated."""
        answers = self._unread.get(who, {})
        answers.pop(producer, None)
        if not answers:
            self._unread.pop(who, None)


def _size(answers: dict[ResponseProducer, int]) -> int:
    return sum(answers.values())
