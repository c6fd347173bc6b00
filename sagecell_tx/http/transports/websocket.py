"""A kernel's WebSocket: the listener of one client, written to as fast as the client reads.

    -> one Jupyter message, as JSON text
    <- each Jupyter message from the kernel, as JSON text

A message that cannot be delivered is answered on iopub by an `error` whose parent it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count, repeat

from attrs import define, field, frozen

from sagecell_tx.http.transports import resume
from sagecell_tx.http.transports.clientchannel import ClientChannel
from sagecell_tx.http.transports.dispatch import (
    CONTINUATION,
    NORMAL,
    POLICY_VIOLATION,
    TEXT,
    TRY_AGAIN_LATER,
    WebSocket,
    refuse_binary,
)
from sagecell_tx.http.transports.framewriter import Frame, FrameWriter
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.listeners.audience import AT_ONCE, STALLED, SUPERSEDED, Attachment
from sagecell_tx.sessions.listeners.messagelog import NotPublished
from sagecell_tx.wire import textwire
from sagecell_tx.wire.messages import Message, WireError, parse_object

#: Bytes to read from the message log at once.
ROOM = 256 * 1024

#: A longer content is written in frames of so many bytes, as the client reads them.
FRAME = 64 * 1024

#: Bytes of refusals that may wait for one client. More are dropped, so that a client that reads nothing does
#: not fill the memory. The requests that our page may have in flight are far fewer.
REFUSALS = 1 << 20


@frozen
class Acknowledgement:
    """A client's claim that it has all messages up to `number`, which is not validated yet."""

    number: object


@define(eq=False)
class WebSocketListener:
    """One client's WebSocket, and the listener that it is to a session.

    A client with a `resume_point` resumes there, gets each message's number, and sends
    ``{"after": number}`` now and then, so that the messages that have arrived need not be kept.
    """

    _socket: WebSocket
    _session: Session
    _resume_point: resume.ResumePoint | None = None
    _channel: ClientChannel | None = field(default=None, init=False)
    _writer: FrameWriter = field(init=False)
    _refusals: deque[Message] = field(factory=deque, init=False)  # for this client alone
    _refused: int = field(default=0, init=False)  # bytes in them
    _closing: str | None = field(default=None, init=False)

    parse_binary = staticmethod(refuse_binary)

    def __attrs_post_init__(self) -> None:
        self._writer = FrameWriter(self._socket, self._next_frames)

    def begin(self) -> None:
        """Attach to the session, and write messages as fast as the client reads them.

        Raises one of `resume.CANNOT_GO_ON`.
        """
        self._channel = ClientChannel.attach(self._session, self, self._resume_point)
        self._writer.begin()

    def end(self, *, for_good: bool = False) -> None:
        """See `MessageHandler.end`."""
        self._writer.end()
        self._refusals.clear()
        if self._channel is None:
            return
        if for_good:
            self._channel.attachment.detach_for_good()
        else:
            self._channel.attachment.detach()

    def parse(self, text: bytes, date: str) -> Message | textwire.UnknownChannel | Acknowledgement:
        """See `MessageHandler.parse`."""
        fields = parse_object(text)
        if self._resume_point is not None and "after" in fields and "header" not in fields:
            return Acknowledgement(fields["after"])
        try:
            return textwire.message_from(fields, date=date)
        except textwire.UnknownChannel as error:
            return error

    def handle(self, parsed: Message | textwire.UnknownChannel | Acknowledgement) -> None:
        """Send a message to the kernel, or acknowledge messages. See `MessageHandler.handle`."""
        assert self._channel is not None, "begin comes before all messages"
        if isinstance(parsed, Acknowledgement):
            self._acknowledge(self._channel.attachment, parsed.number)
            return
        refusal = self._channel.send(parsed)
        if refusal is not None and self._refused + refusal.size <= REFUSALS:
            self._refused += refusal.size
            self._refusals.append(refusal)
            self.wake()

    def _acknowledge(self, attachment: Attachment, number: object) -> None:
        """The client has all messages up to `number`. Raises `WireError` if it cannot have them."""
        try:
            if isinstance(number, bool) or not isinstance(number, int):
                raise NotPublished
            attachment.acknowledge(number)
        except NotPublished as error:
            raise WireError("invalid_after", "after must be the number of a message.") from error

    # --- Listener

    def wake(self) -> None:
        """See `Listener.wake`."""
        self._writer.run()

    def close(self, reason: str) -> None:
        """See `Listener.close`."""
        self._closing = reason
        if reason in AT_ONCE:
            self._writer.end()  # at once: such a client may never read what is left
            self._close(reason)
        else:
            self._writer.run()

    # --- inside

    def _next_frames(self) -> Iterator[Frame] | None:
        if self._refusals:
            refusals = list(self._refusals)
            self._refusals.clear()
            self._refused = 0
            return frames_of(refusals)
        channel = self._channel
        if channel is not None and self._closing is None:
            point = self._resume_point
            number = None if point is None else channel.attachment.position
            messages = channel.read(ROOM)
            if messages:
                buffers = point is not None and point.buffers
                return frames_of(messages, number, buffers=buffers)
        if self._closing is not None:  # possibly set by this read
            self._close(self._closing)
        return None

    def _close(self, reason: str) -> None:
        if reason == STALLED:
            code, message = TRY_AGAIN_LATER, "The client read nothing for too long."
        elif reason == SUPERSEDED:
            sentence = "A newer connection with the same cursor has replaced this one."
            code, message = POLICY_VIOLATION, sentence
        elif reason == Reason.UNREAD.value:
            code, message = NORMAL, Reason.UNREAD.sentence
        else:
            code, message = NORMAL, "The session has ended."
        self._socket.close_with(code, reason, message)


def frames_of(
    messages: Iterable[Message], number: int | None = None, *, buffers: bool = False
) -> Iterator[Frame]:
    """The frames of `messages`, several for one with a long content or long buffers.

    The messages are numbered from `number` on, unless that is None. They have their `buffers` if
    those are asked for.
    """
    numbers = repeat(None) if number is None else count(number)
    for message, seq in zip(messages, numbers, strict=False):
        if buffers and message.buffers:
            yield from _in_frames(message, seq)
            continue
        before, content, after = textwire.render(message, seq)
        if len(content) + len(after) <= FRAME:
            yield TEXT, b"".join((before, content, after)), True
            continue
        yield TEXT, before, False
        for start in range(0, len(content), FRAME):
            yield CONTINUATION, content[start : start + FRAME], False
        last = max(0, len(after) - 1) // FRAME * FRAME
        for start in range(0, last, FRAME):
            yield CONTINUATION, after[start : start + FRAME], False
        yield CONTINUATION, after[last:], True


def _in_frames(message: Message, seq: int | None) -> Iterator[Frame]:
    """The frames of a message with its buffers: one, or as many as it is written in."""
    pieces = textwire.with_buffers(message, seq)
    if textwire.length_with_buffers(message, seq) <= FRAME:
        yield TEXT, b"".join(pieces), True
        return
    opcode = TEXT
    for piece in pieces:
        for start in range(0, len(piece), FRAME):
            yield opcode, piece[start : start + FRAME], False
            opcode = CONTINUATION
    yield CONTINUATION, b"", True
