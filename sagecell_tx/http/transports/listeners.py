"""Listeners over plain HTTP: long polls and streams.

Messages have their numbers in ``seq``. A stream has one line of JSON, or one server-sent event, for
each message. It ends after so many bytes, because its client acknowledges messages only by its next
request.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, count

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeadlineReached
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.web.server import Request

from sagecell_tx.http.serving.accept import EVENTS
from sagecell_tx.http.serving.ndjson import NDJSON
from sagecell_tx.http.serving.producer import PIECE, ResponseProducer, in_pieces
from sagecell_tx.limits import MessageLimits
from sagecell_tx.sessions.listeners.audience import AT_ONCE, Attachment
from sagecell_tx.wire import textwire
from sagecell_tx.wire.messages import Message

#: Bytes to read from the message log at once, and about the most in the answer of a long poll.
ROOM = 256 * 1024

#: Turns the ends of lines into spaces.
_SPACED = bytes.maketrans(b"\r\n", b"  ")


@define(eq=False)
class PollListener:
    """A listener that waits once for a message. `reason` says why none will come, or is empty.

    `answer` is what writes the messages that it got.
    """

    reason: str = field(default="", init=False)
    answer: ResponseProducer | None = field(default=None, init=False)
    _woken: Deferred[None] = field(factory=Deferred, init=False)

    async def wait(self, seconds: float, clock: IReactorTime) -> None:
        """Return when there is a message, when there will be none, or after so many seconds."""
        self._woken.addTimeout(seconds, clock)
        with suppress(DeadlineReached):
            await self._woken

    def wake(self) -> None:
        """See `Listener.wake`."""
        if not self._woken.called:
            self._woken.callback(None)

    def close(self, reason: str) -> None:
        """See `Listener.close`. An answer that is not read is cut: its messages are kept by nobody else."""
        self.reason = reason
        if self.answer is not None and reason in AT_ONCE:
            self.answer.abort()
        self.wake()


@frozen
class StreamFormat:
    """How a stream is written: its media type, its beginning, and its heartbeats."""

    kind: str
    beginning: bytes
    heartbeat: bytes

    def message(self, message: Message, seq: int) -> Iterator[bytes]:
        """The pieces of a message, on one line even if the kernel's JSON has several."""
        json = textwire.render(message, seq)
        if self.kind == NDJSON:
            return on_one_line(b"", json, b"\n")
        return on_one_line(b"id: %d\ndata: " % seq, json, b"\n\n")


def on_one_line(before: bytes, json: Sequence[bytes], after: bytes = b"") -> Iterator[bytes]:
    """The pieces to write: `before`, the parts of `json` on one line, and `after`.

    JSON has line ends only between tokens, where a space is equivalent. They are replaced in each piece
    when it is written: a second would pass with a long message as a whole.
    """
    lines = (piece.translate(_SPACED) for piece in in_pieces(*json))
    if sum(map(len, json)) <= PIECE:
        yield b"".join((before, *lines, after))
        return
    yield before
    yield from lines
    yield after


def on_the_same_line(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces of parts of JSON, on one line, when they are written."""
    return (piece.translate(_SPACED) for part in parts for piece in in_pieces(part))


STREAM_FORMATS = {
    NDJSON: StreamFormat(NDJSON, b"", b"\n"),
    # EventSource reconnects after one second.
    EVENTS: StreamFormat(EVENTS, b"retry: 1000\n\n", b":\n\n"),
}


@define(kw_only=True, eq=False)
class StreamListener:
    """A listener that writes messages as they come, until the stream is long enough."""

    request: Request
    form: StreamFormat
    limits: MessageLimits
    clock: IReactorTime
    reason: str = field(default="", init=False)
    _attachment: Attachment | None = field(default=None, init=False)
    _producer: ResponseProducer = field(init=False)
    _sent: int = field(default=0, init=False)  # bytes
    _heartbeat: IDelayedCall | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._producer = ResponseProducer(
            request=self.request,
            clock=self.clock,
            stalled=self.limits.stalled_seconds,
            more=self._more,
        )

    async def write(self, attachment: Attachment, number: int, messages: list[Message]) -> None:
        """Write `messages`, the first of which is `number`, and all that follow.

        Returns at the end of the stream. Cancelling stops writing.
        """
        self._attachment = attachment
        self._send_heartbeat()
        try:
            beginning = chain([self.form.beginning], self._rendered(number, messages))
            await self._producer.start(beginning)
        finally:
            if self._heartbeat is not None:
                self._heartbeat.cancel()

    def _rendered(self, number: int, messages: list[Message]) -> Iterator[bytes]:
        self._sent += sum(message.size for message in messages)
        return chain.from_iterable(map(self.form.message, messages, count(number)))

    def _more(self) -> Iterator[bytes] | None:
        attachment, most = self._attachment, self.limits.message_log_bytes // 4
        # Messages that are not acknowledged hold the kernel when they fill the message log.
        if attachment is not None and not self.reason and self._sent < most:
            number = attachment.position
            messages = attachment.read(ROOM)
            if messages:
                return self._rendered(number, messages)
            if not self.reason:
                return None
        self._producer.finish()
        return None

    def _send_heartbeat(self) -> None:
        """Write now and then: proxies cut idle connections, and only a write notices a dead one."""
        if self._heartbeat is not None and not self._producer.paused:
            self.request.write(self.form.heartbeat)
        self._heartbeat = self.clock.callLater(self.limits.ping_seconds, self._send_heartbeat)

    # --- Listener

    def wake(self) -> None:
        """See `Listener.wake`."""
        self._producer.produce()

    def close(self, reason: str) -> None:
        """See `Listener.close`."""
        self.reason = reason
        if reason in AT_ONCE and self._producer.paused:
            self._producer.abort()
        else:
            self._producer.produce()
