"""A kernel's WebSocket: one client's part in a session, and at what pace it is written to.

    -> one Jupyter message, as JSON text
    <- each Jupyter message that the kernel says, as JSON text

A message that cannot be delivered is answered on iopub with an `error` whose parent it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count, repeat

from attrs import define, field, frozen

from sagecell_tx.http.serving.pump import Pump, PushProducer
from sagecell_tx.http.transports import resume
from sagecell_tx.http.transports.clientchannel import ClientChannel
from sagecell_tx.http.transports.dispatch import (
    CONTINUATION,
    NORMAL,
    POLICY_VIOLATION,
    TEXT,
    TRY_AGAIN_LATER,
    WebSocket,
)
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.listeners.audience import STALLED, SUPERSEDED, Attachment
from sagecell_tx.sessions.listeners.messagelog import NotPublished
from sagecell_tx.wire import textwire
from sagecell_tx.wire.messages import Message, WireError, parse_object

#: Bytes to read from the message log at once.
ROOM = 256 * 1024

#: A content from this size on is written in frames of it, as the client takes them.
FRAME = 64 * 1024

#: Refusals that may wait for one client. What it asks beyond that is let fall: who reads nothing
#: must not make the server keep more and more.
REFUSALS = 64

#: The opcode, the payload and FIN.
Frame = tuple[int, bytes, bool]


@frozen
class Acknowledgement:
    """The number of the last message that a client has, as it says."""

    number: object


@define(eq=False)
class WebSocketListener:
    """One client's WebSocket and its hold on a session: the session's listener.

    A client with a `resume_point` goes on from there, is told each message's number, and says
    ``{"after": number}`` now and then, so that what has arrived need not be kept.
    """

    _socket: WebSocket
    _session: Session
    _resume_point: resume.ResumePoint | None = None
    _channel: ClientChannel | None = field(default=None, init=False)
    _producer: PushProducer = field(init=False)
    _pump: Pump[Frame] = field(init=False)
    _refusals: deque[Message] = field(factory=deque, init=False)  # for this client alone
    _closing: str | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._pump = Pump(writable=self._writable, write=self._write, more=self._next_frames)
        self._producer = PushProducer(on_resumed=self._pump.run)

    def begin(self) -> None:
        """Take part in the session, as fast as the transport takes what is said.

        Raises one of `resume.CANNOT_GO_ON`.
        """
        self._channel = ClientChannel.attach(self._session, self, self._resume_point)
        self._socket.register_producer(self._producer)
        self._pump.run()

    def end(self, *, for_good: bool = False) -> None:
        """The client is gone; `for_good` when it said so itself, and does not come back."""
        self._producer.stopProducing()
        self._pump.drop()  # who refers to this may live on
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
        """Pass on what the client said."""
        assert self._channel is not None, "nothing is heeded before the beginning"
        if isinstance(parsed, Acknowledgement):
            self._acknowledge(self._channel.attachment, parsed.number)
            return
        refusal = self._channel.send(parsed)
        if refusal is not None and len(self._refusals) < REFUSALS:
            self._refusals.append(refusal)
            self.wake()

    def _acknowledge(self, attachment: Attachment, number: object) -> None:
        """The client has everything up to that number."""
        try:
            if isinstance(number, bool) or not isinstance(number, int):
                raise NotPublished
            attachment.acknowledge(number)
        except NotPublished as error:
            raise WireError("invalid_after", "after must be the number of a message.") from error

    # --- Listener

    def wake(self) -> None:
        """There is something to take."""
        self._pump.run()

    def close(self, reason: str) -> None:
        """The session is over, or this client too slow for it."""
        self._closing = reason
        if reason in (STALLED, SUPERSEDED):
            self._close(reason)  # behind what it does not read, or it would never come
        else:
            self._pump.run()

    # --- inside

    def _writable(self) -> bool:
        """The transport takes more, and no close was sent, which is the last frame."""
        return not self._producer.paused and self._socket.can_send

    def _write(self, frame: Frame) -> None:
        opcode, payload, last = frame
        self._socket.sendFrame(opcode=opcode, payload=payload, fin=last)

    def _next_frames(self) -> Iterator[Frame] | None:
        if self._refusals:
            refusals = list(self._refusals)
            self._refusals.clear()
            return frames_of(refusals)
        channel = self._channel
        if channel is not None and self._closing is None:
            number = None if self._resume_point is None else channel.attachment.position
            messages = channel.read(ROOM)
            if messages:
                return frames_of(messages, number)
        if self._closing is not None:  # be it since this reading
            self._close(self._closing)
        return None

    def _close(self, reason: str) -> None:
        if reason == STALLED:
            code, message = TRY_AGAIN_LATER, "Too slow: nothing was taken for too long."
        elif reason == SUPERSEDED:
            code, message = POLICY_VIOLATION, "You came again, on another connection."
        else:
            code, message = NORMAL, "The session is over."
        self._socket.close_with(code, reason, message)


def frames_of(messages: Iterable[Message], number: int | None = None) -> Iterator[Frame]:
    """The frames of these messages; long contents take several.

    They are numbered from `number` on, if there is one.
    """
    numbers = repeat(None) if number is None else count(number)
    for message, seq in zip(messages, numbers, strict=False):
        before, content, after = textwire.render(message, seq)
        if len(content) <= FRAME:
            yield TEXT, b"".join((before, content, after)), True
            continue
        yield TEXT, before, False
        for start in range(0, len(content), FRAME):
            yield CONTINUATION, content[start : start + FRAME], False
        yield CONTINUATION, after, True
