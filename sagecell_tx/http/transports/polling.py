"""``/kernel/<id>/messages``: exchange messages with a kernel by plain HTTP requests.

    -> POST one message, or several
    <- which of them were accepted
    -> GET the messages after a number, and wait for them
    <- messages, each with its number, or 204: none yet

The client sends the number, so that the messages of a lost answer are sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, count
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import IRequest
from twisted.web.server import Request

from sagecell_tx.http.serving.accept import EVENTS, accepted
from sagecell_tx.http.serving.errors import Problem, json_body
from sagecell_tx.http.serving.parameters import seconds, text
from sagecell_tx.http.serving.parsing import Parser
from sagecell_tx.http.serving.producer import ResponseProducer
from sagecell_tx.http.transports import resume
from sagecell_tx.http.transports.listeners import (
    ROOM,
    STREAM_FORMATS,
    PollListener,
    StreamFormat,
    StreamListener,
    on_one_line,
    on_the_same_line,
)
from sagecell_tx.limits import LifetimeLimits, MessageLimits
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.interfaces import Listener
from sagecell_tx.sessions.lifecycle.bridge import Undeliverable
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.listeners.audience import SUPERSEDED, Attachment
from sagecell_tx.wire import textwire
from sagecell_tx.wire.messages import Message, WireError, parse_json

#: Messages in one request.
MOST = 100


@define(kw_only=True)
class Polling:
    """Answers ``/kernel/<id>/messages``. `now` gives the time as ISO 8601 text."""

    fleet: Fleet
    lifetime: LifetimeLimits
    messages: MessageLimits
    clock: IReactorTime
    now: Callable[[], str]
    parser: Parser = field(factory=Parser)

    # --- from the client

    async def send(self, request: Request, kernel_id: str) -> bytes:
        """Send messages to the kernel. Raises `Problem`, such as for a session that has ended."""
        session = self._session(kernel_id)
        if not session.running:
            raise _ended()
        assert request.content is not None, "the whole request has arrived"
        body = request.content.read()
        parsed = await self.parser.parse(len(body), partial(_messages_in, body, self.now()))
        try:
            after = session.audience.touch(resume.cursor_name(text(request, "cursor")))
        except resume.CANNOT_GO_ON as error:
            raise resume.refusal(error, self.lifetime) from error
        accepted: list[str] = []
        refused: list[dict[str, Any]] = []
        for index, message in enumerate(parsed):
            try:
                accepted.append(self._send(session, message))
            except (WireError, Undeliverable, Problem) as error:
                refused.append({"index": index, "error": error.code, "message": error.message})
        result: dict[str, Any] = {"accepted": accepted, "refused": refused, "after": after}
        if refused and not accepted:
            request.setResponseCode(400)
            result = {"error": refused[0]["error"], "message": refused[0]["message"], **result}
        return json_body(request, result)

    def _send(self, session: Session, message: Message | WireError) -> str:
        """Send one message to the kernel; returns its id."""
        if isinstance(message, WireError):
            raise message
        if message.size > self.messages.client_message_bytes:
            sentence = f"The message has more than {self.messages.client_message_bytes} bytes."
            raise WireError("message_too_big", sentence)
        if not session.running:
            raise _ended()
        session.send(message)
        return message.msg_id

    # --- to the client

    async def read(self, request: Request, kernel_id: str) -> bytes:
        """Answer with the messages after a number: once, in lines, or as an event stream."""
        session = self._session(kernel_id)
        request.setHeader("Cache-Control", "no-store")
        form = _form(request)
        longest = self.messages.poll_seconds
        wait = min(seconds(request, "wait", longest), longest)
        events = form is not None and form.kind == EVENTS
        resume_point = resume.from_event_stream(request) if events else resume.from_request(request)
        if request.method == b"HEAD":
            request.setHeader("Content-Type", form.kind if form else "application/json")
            return b""
        if form is not None:
            await self._stream(request, session, resume_point, form)
            return b""
        return await self._poll(request, session, resume_point, wait)

    async def _poll(
        self, request: Request, session: Session, resume_point: resume.ResumePoint, wait: float
    ) -> bytes:
        listener = PollListener()
        attachment = self._attach(session, listener, resume_point)
        try:
            number, messages = attachment.position, attachment.read(ROOM)
            if not messages and not listener.reason and wait > 0:
                await listener.wait(wait, self.clock)
                messages = attachment.read(ROOM)
            if not messages and listener.reason:
                raise _superseded() if listener.reason == SUPERSEDED else _ended()
            if not messages:
                request.setResponseCode(204)
                return b""
            parts = list(_answer(number, messages, resume_point.buffers))
            length = sum(length for length, _ in parts)
            request.setHeader("Content-Type", "application/json")
            request.setHeader("Content-Length", str(length))
            producer = ResponseProducer(
                request=request, clock=self.clock, stalled=self.messages.stalled_seconds
            )
            listener.answer = producer
            await producer.start(chain.from_iterable(pieces for _, pieces in parts))
        finally:
            attachment.detach()
        return b""

    async def _stream(
        self,
        request: Request,
        session: Session,
        resume_point: resume.ResumePoint,
        form: StreamFormat,
    ) -> None:
        stream = StreamListener(request=request, form=form, limits=self.messages, clock=self.clock)
        attachment = self._attach(session, stream, resume_point)
        try:
            number, messages = attachment.position, attachment.read(ROOM)
            if not messages and stream.reason:
                raise _ended()  # a client would request an empty stream again and again
            request.setHeader("Content-Type", form.kind)
            request.setHeader("X-Accel-Buffering", "no")  # nginx must not delay messages
            await stream.write(attachment, number, messages)
        finally:
            attachment.detach()

    def _attach(
        self, session: Session, listener: Listener, resume_point: resume.ResumePoint
    ) -> Attachment:
        try:
            return session.attach(listener, resume_point.name, resume_point.after)
        except resume.CANNOT_GO_ON as error:
            raise resume.refusal(error, self.lifetime) from error

    def _session(self, kernel_id: str) -> Session:
        session = self.fleet.remembered(kernel_id)
        if session is None:
            raise Problem(404, "unknown_kernel", "There is no such kernel, or it has ended.")
        return session


def _form(request: IRequest) -> StreamFormat | None:
    """The preferred stream format that the client accepts by name; None for a long poll."""
    return next(
        (STREAM_FORMATS[kind] for kind in accepted(request) if kind in STREAM_FORMATS), None
    )


def _messages_in(body: bytes, date: str) -> list[Message | WireError]:
    """The messages in a request's body, each of which may be an error instead."""
    parsed = parse_json(body)
    if isinstance(parsed, dict):
        parsed = [parsed]
    if not isinstance(parsed, list):
        raise WireError("invalid_message", "The body must be a message or an array of messages.")
    if len(parsed) > MOST:
        sentence = f"One request may have at most {MOST} messages."
        raise Problem(413, "too_many_messages", sentence)
    return [_message(fields, date) for fields in parsed]


def _message(fields: object, date: str) -> Message | WireError:
    if not isinstance(fields, dict):
        return WireError("invalid_message", "A message must be a JSON object.")
    try:
        return textwire.message_from(fields, date=date)
    except WireError as error:
        return error


def _answer(
    number: int, messages: list[Message], buffers: bool
) -> Iterator[tuple[int, Iterator[bytes]]]:
    """The parts of a long poll's answer: the length of each in bytes, and its pieces.

    ``after`` is last, as the number of the last message.

    Each message is on a line of its own: malformed JSON from the kernel may end its message early
    and go on with others, which a client that reads by lines does not see.
    """
    before = b'{"messages":[\n'
    for seq, message in zip(count(number), messages):
        if buffers and message.buffers:
            length = len(before) + textwire.length_with_buffers(message, seq)
            pieces = on_the_same_line(textwire.with_buffers(message, seq))
            yield length, chain((before,), pieces)
        else:
            json = textwire.render(message, seq)
            yield len(before) + sum(map(len, json)), on_one_line(before, json)
        before = b",\n"
    end = b'\n],"after":%d}' % (number + len(messages) - 1)
    yield len(end), iter((end,))


def _ended() -> Problem:
    return Problem(410, "session_ended", "The session has ended; there are no more messages.")


def _superseded() -> Problem:
    return Problem(409, "superseded", "A newer request with the same cursor has replaced this one.")
