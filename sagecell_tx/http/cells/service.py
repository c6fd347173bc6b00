"""``POST /service``: run a program and answer with its output, in one response."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import define, field
from klein import Klein
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeadlineReached
from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import Resource
from twisted.web.server import Request

from sagecell_tx.http.cells.terms import Terms
from sagecell_tx.http.serving import cors
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.serving.errors import Problem, handle_problems, json_body
from sagecell_tx.http.serving.parameters import text, texts
from sagecell_tx.http.serving.producer import ResponseProducer, in_pieces
from sagecell_tx.http.urltree import Mounted
from sagecell_tx.limits import RequestLimits
from sagecell_tx.sessions.admission.visitors import Purpose
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.lifecycle.runpermalinks import MSG_TYPE as RUN_PERMALINK
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.listeners.audience import Attachment
from sagecell_tx.sessions.originator import Originator
from sagecell_tx.wire.messages import SHELL, Message, WireError, dump, parse_object

#: Bytes to read from the message log at once.
ROOM = 256 * 1024

#: An answer of more bytes is written in pieces, as the client reads them.
_WHOLE = 64 * 1024

#: The types of messages whose content is parsed; displays, for example, are ignored.
_PARSED = frozenset({"stream", "execute_reply", "status", RUN_PERMALINK})

#: The metadata of a request whose program is stored.
_ASKS_FOR_PERMALINK = dump({"sagecell": {"permalink": True}})


@define(eq=False)
class Collector:
    """A listener that collects the output and the reply of one execute_request.

    Of the output it keeps up to `limit` characters, and twice as many bytes of JSON: the reactor's
    thread encodes the answer, and some characters take twelve bytes in it.
    """

    _msg_id: str
    _limit: int
    _awaits_permalink: bool = False
    _bytes: int = field(init=False)
    streams: dict[str, list[str]] = field(factory=dict, init=False)
    reply: dict[str, Any] | None = field(default=None, init=False)
    reason: Reason | None = field(default=None, init=False)  # why there is no reply
    permalink: dict[str, Any] | None = field(default=None, init=False)
    over: bool = field(default=False, init=False)  # the execution
    done: Deferred[None] = field(factory=Deferred, init=False)
    _attachment: Attachment | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._bytes = 2 * self._limit

    def listen(self, session: Session) -> Attachment:
        """Attach to the session; returns the attachment."""
        self._attachment = session.attach(self)
        return self._attachment

    def leave(self) -> None:
        """Detach from the session. What was collected stays available here."""
        attachment, self._attachment = self._attachment, None
        if attachment is not None:
            attachment.detach()

    def wake(self) -> None:
        """See `Listener.wake`."""
        while self._attachment is not None:
            messages = self._attachment.read(ROOM)
            if not messages:
                return
            for message in messages:
                if message.parent_id == self._msg_id:
                    self._keep(message)

    def close(self, reason: str) -> None:
        """See `Listener.close`. The session may have ended before the reply."""
        if not self.done.called:
            # A program that exits with status 0 before its reply has not finished.
            why = Reason(reason)
            self.reason = Reason.CRASHED if why is Reason.FINISHED else why
            self._be_done()

    def _be_done(self) -> None:
        if not self.done.called:
            self.done.callback(None)

    def _keep(self, message: Message) -> None:
        if message.msg_type not in _PARSED or (message.msg_type == "stream" and self._limit <= 0):
            return
        try:
            content = message.parsed_content()
        except WireError:
            return
        if message.msg_type == "stream":
            self._print(str(content.get("name")), str(content.get("text", "")))
        elif message.msg_type == "execute_reply" and _is_json(content):
            self.reply = content
        elif message.msg_type == RUN_PERMALINK:
            self.permalink = content
        elif message.msg_type == "status" and content.get("execution_state") == "idle":
            self.over = True
        if self.over and not (self._awaits_permalink and self.permalink is None):
            self._be_done()

    def _print(self, name: str, text: str) -> None:
        if self._limit > 0 and name in ("stdout", "stderr"):
            kept, size = _cut(text, self._limit, self._bytes)
            self.streams.setdefault(name, []).append(kept)
            self._limit -= len(kept)
            self._bytes -= size
            if len(kept) < len(text) or self._limit <= 0:
                self._limit = 0
                self.streams.setdefault("stderr", []).append("\n[The output is cut here.]\n")


def _cut(text: str, characters: int, size: int) -> tuple[str, int]:
    """The start of `text`, at most so many characters and bytes of JSON; and its bytes of JSON."""
    text = text[:characters]
    while (taken := len(dump(text)) - 2) > size:
        text = text[: len(text) * size // taken]
    return text, taken


def _is_json(content: dict[str, Any]) -> bool:
    """Whether a kernel's content can be encoded as JSON again: 1e999 was read as infinity."""
    try:
        dump(content)
    except (ValueError, RecursionError):
        return False
    return True


@define(kw_only=True)
class ServiceRoute:
    """The route ``/service``."""

    fleet: Fleet
    clients: Clients
    limits: RequestLimits
    stalled: float  # seconds after which a client that reads nothing is disconnected
    terms: Terms
    clock: IReactorTime
    originator: Originator

    app = Klein()
    handle_problems(app)

    def mount(self, root: Resource) -> None:
        """Serve ``/service``."""
        root.putChild(b"service", Mounted(self.app))

    @app.route("/", methods=["POST"])
    async def run(self, request: Request) -> bytes:
        """Run `code` for at most `service_seconds`."""
        cors.allow(request)
        self.terms.check(request, plain=True)
        code = "".join(texts(request, "code"))
        if len(code) > self.limits.code_characters:
            raise Problem(
                413,
                "code_too_long",
                f"The code has more than {self.limits.code_characters} characters.",
                plain=True,
            )
        execution = self._execution(code, text(request, "user_expressions", "{}"))
        if text(request, "permalink") == "true":
            execution = attrs.evolve(execution, metadata=_ASKS_FOR_PERMALINK)
        deadline = self.clock.seconds() + self.limits.service_seconds
        visitor = self.clients.visitor(request, Purpose.SERVICE)
        # Waiting for a kernel takes at most half of the time, so that the rest is left to run.
        session = await self.fleet.open(
            visitor, timeout=0, patience=self.limits.service_seconds / 2
        )
        try:
            collector = await self._collect(session, execution, deadline)
        finally:
            session.stop(Reason.STOPPED)
        reply = collector.reply
        answer: dict[str, Any] = {"success": reply is not None and reply.get("status") == "ok"}
        for name, printed in collector.streams.items():
            answer[name] = "".join(printed)
        if reply is not None:
            answer["execute_reply"] = reply
        elif collector.reason is not None:
            answer["reason"] = collector.reason.value
            answer["message"] = collector.reason.sentence
        if collector.permalink is not None:
            answer["permalink"] = collector.permalink
        body = json_body(request, answer)
        if len(body) > _WHOLE:
            request.setHeader("Content-Length", str(len(body)))
            producer = ResponseProducer(request=request, clock=self.clock, stalled=self.stalled)
            await producer.start(in_pieces(body))
            return b""
        return body

    def _execution(self, code: str, user_expressions: str) -> Message:
        """The execute_request. Raises `Problem` for invalid user_expressions."""
        if len(user_expressions) > self.limits.code_characters:
            raise self._bad_expressions()
        try:
            expressions = parse_object(user_expressions)
        except WireError as error:
            raise self._bad_expressions() from error
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": expressions,
            "allow_stdin": False,
            "stop_on_error": True,
        }
        try:
            return self.originator.originate(SHELL, "execute_request", content)
        except (ValueError, RecursionError) as error:  # 1e999 was read as infinity
            raise self._bad_expressions() from error

    def _bad_expressions(self) -> Problem:
        most = self.limits.code_characters
        sentence = f"user_expressions must be a JSON object, of at most {most} characters."
        return Problem(400, "invalid_user_expressions", sentence)

    async def _collect(self, session: Session, execution: Message, deadline: float) -> Collector:
        """The program's output and reply, when it is done or at the deadline."""
        collector = Collector(
            execution.msg_id,
            self.limits.service_output_characters,
            awaits_permalink=execution.metadata == _ASKS_FOR_PERMALINK,
        )
        await session.when_ready()
        attachment = collector.listen(session)
        attachment.send(execution)
        collector.done.addTimeout(max(0.0, deadline - self.clock.seconds()), self.clock)
        try:
            await collector.done
        except DeadlineReached:
            if not collector.over:
                collector.reply = None
        finally:
            collector.leave()
        return collector
