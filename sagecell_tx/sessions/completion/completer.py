"""Completions and inspections for cells that have no kernel yet, from one shared kernel.

The first request starts the kernel. It ends when it has been idle for a while, and the next
request starts another. The kernel never executes a cell: it answers each request in a process
of its own, which has a few seconds (see kernelside/completion/requests.py) and leaves no trace
for other requests. Clients take turns, so that slow requests of one do not delay the others.
The kernel is sent only an excerpt around the cursor. Requests about languages that the kernel
does not complete are answered from lists of words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.roundrobin import Turns
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor
from sagecell_tx.sessions.completion.excerpts import Excerpt
from sagecell_tx.sessions.completion.wordlists import completion
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.interfaces import StartFailed
from sagecell_tx.sessions.lifecycle.bridge import Undeliverable
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.listeners.audience import Attachment
from sagecell_tx.sessions.originator import Originator
from sagecell_tx.wire.messages import SHELL, Message, WireError

_log = Logger()

#: The accepted requests and their replies. To and from the kernel, both types have a prefix.
REPLIES = {"complete_request": "complete_reply", "inspect_request": "inspect_reply"}
PREFIX = "sagecell."

#: The modes that the kernel completes; the empty one stands for a request without a mode.
SPOKEN = frozenset({"", "sage", "python"})

#: The further modes that it completes where it has Sage.
SPOKEN_BY_SAGE = frozenset({"gap", "gp", "maxima", "singular"})

#: Requests that may wait, and how long each may wait for its turn and then for the reply, in
#: seconds. A kernel that does not reply in time is replaced: it replies to each within two
#: seconds, if only with an error.
MOST = 256
PATIENCE = 10.0

#: Requests that the kernel has at a time, in all and from one client.
AT_ONCE = 8
EACH = 2

#: The longest reply that is accepted, in bytes.
LONGEST = 256 * 1024

#: Bytes to read from the message log at once.
ROOM = 256 * 1024

TOO_MANY = "Too many completions are requested at present. Please try again in a moment."


@define(kw_only=True, eq=False)
class Question:
    """A client's request, the excerpt that the kernel is sent, and the callback for the reply.

    `mode` is the language, `msg_id` that of the request to the kernel, empty until it is sent.
    """

    asked: Message
    mode: str
    excerpt: Excerpt
    detail_level: int
    who: str
    answer: Callable[[Message], None]
    deadline: IDelayedCall | None = None
    msg_id: str = ""


@define(kw_only=True, eq=False)
class Completer:
    """Answers requests from the shared kernel, whose only listener it is.

    `environment` returns what kernels have, as in `HostStatus`.
    """

    fleet: Fleet
    environment: Callable[[], str]
    clock: IReactorTime
    originator: Originator
    _questions: dict[str, Question] = field(factory=dict, init=False)  # sent, by msg_id
    _turns: Turns[Question] = field(factory=lambda: Turns(AT_ONCE, EACH), init=False)
    _opening: bool = field(default=False, init=False)
    _session: Session | None = field(default=None, init=False)
    _attachment: Attachment | None = field(default=None, init=False)

    def accepts(self, asked: Message) -> bool:
        """Whether `ask` takes requests of this type."""
        return asked.msg_type in REPLIES

    @property
    def is_full(self) -> bool:
        """Whether `MOST` requests wait; one more is answered with an error."""
        return len(self._questions) + len(self._turns) >= MOST

    def ask(
        self, asked: Message, mode: str, answer: Callable[[Message], None], *, who: str = ""
    ) -> None:
        """Call `answer` with the reply, exactly once, now or later. A failure is a reply, too.

        `mode` is the language of the code, empty if the request has none; `who` is the name of
        the client, empty if it is not known. Raises `WireError` if the content cannot be parsed.
        """
        content = asked.parsed_content()
        if not self._is_spoken(mode):
            answer(self._reply(asked, _from_words(asked, mode, content)))
        elif self.is_full:
            answer(self._failed(asked, "too_many_requests", TOO_MANY))
        else:
            self._ask_kernel(asked, mode, content, answer, who)

    # --- Listener

    def wake(self) -> None:
        """See `Listener.wake`."""
        while self._attachment is not None:
            messages = self._attachment.read(ROOM)
            if not messages:
                return
            for message in messages:
                if message.channel == SHELL and message.parent_id in self._questions:
                    self._answered(message)

    def close(self, reason: str) -> None:
        """See `Listener.close`. The next request starts another kernel."""
        self._session = self._attachment = None
        self._fail_all("completer_ended", "The completion kernel has ended. Please try again.")

    # --- inside

    def _is_spoken(self, mode: str) -> bool:
        return mode in SPOKEN or (mode in SPOKEN_BY_SAGE and self.environment() == "sage")

    def _ask_kernel(
        self,
        asked: Message,
        mode: str,
        content: dict[str, Any],
        answer: Callable[[Message], None],
        who: str,
    ) -> None:
        question = Question(
            asked=asked,
            mode=mode,
            excerpt=Excerpt.of(*_code(content)),
            detail_level=1 if content.get("detail_level") == 1 else 0,
            who=who,
            answer=answer,
        )
        question.deadline = self.clock.callLater(PATIENCE, self._expire, question)
        self._turns.join(who, question)
        if self._attachment is not None:
            self._send_next()
        elif not self._opening:
            self._opening = True
            opened = Deferred.fromCoroutine(self._open())
            opened.addErrback(self._not_opened)

    async def _open(self) -> None:
        visitor = Visitor(purpose=Purpose.COMPLETER)
        session = await self.fleet.open(
            visitor, timeout=self.fleet.limits.lifetime.completer_idle_seconds, patience=PATIENCE
        )
        await session.when_ready()
        session.expect_no_execution()
        self._opening, self._session = False, session
        self._attachment = session.attach(self)
        self._send_next()

    def _not_opened(self, failure: Failure) -> None:
        self._opening = False
        if failure.check(Refused, StartFailed) is None:
            _log.failure("the completion kernel did not start", failure)
        else:
            _log.warn("the completion kernel did not start: {why}", why=failure.value)
        sentence = "The completion kernel did not start. Please try again in a moment."
        self._fail_all("start_failed", sentence)

    def _send_next(self) -> None:
        """Send the waiting requests that the kernel may have now."""
        while self._attachment is not None and (question := self._turns.next()) is not None:
            self._send(question, self._attachment)

    def _send(self, question: Question, attachment: Attachment) -> None:
        content: dict[str, Any] = {
            "code": question.excerpt.text,
            "cursor_pos": question.excerpt.place,
        }
        if question.mode in SPOKEN_BY_SAGE:
            content["mode"] = question.mode
        if question.asked.msg_type == "inspect_request":
            content["detail_level"] = question.detail_level
        # Under a new msg_id, since those that clients chose may collide.
        request = self.originator.originate(SHELL, PREFIX + question.asked.msg_type, content)
        question.msg_id = request.msg_id
        self._questions[request.msg_id] = question
        self._wait_for(question, self._time_out)
        try:
            attachment.send(request)
        except Undeliverable as error:
            self._finish(question, self._failed(question.asked, error.code, error.message))

    def _wait_for(self, question: Question, too_long: Callable[[], None]) -> None:
        if question.deadline is not None:
            question.deadline.cancel()
        question.deadline = self.clock.callLater(PATIENCE, too_long)

    def _answered(self, message: Message) -> None:
        question = self._questions[message.parent_id]
        self._finish(question, self._understood(question, message))
        self._send_next()

    def _understood(self, question: Question, message: Message) -> Message:
        """The reply to the client, made from the kernel's."""
        asked = question.asked
        if message.msg_type != PREFIX + REPLIES[asked.msg_type] or message.size > LONGEST:
            sentence = "The completion kernel sent an unexpected reply."
            return self._failed(asked, "unexpected_reply", sentence)
        try:
            content = message.parsed_content()
            if content.get("status") == "error":
                return self._failed(asked, str(content.get("ename")), str(content.get("evalue")))
            # Without the kernel's header, which would reveal its id.
            return self._reply(asked, question.excerpt.restored(content))
        except (WireError, ValueError, RecursionError):
            sentence = "The completion kernel sent a malformed reply."
            return self._failed(asked, "unexpected_reply", sentence)

    def _expire(self, question: Question) -> None:
        """The request has waited too long for its turn."""
        question.deadline = None
        self._finish(question, self._failed(question.asked, "no_answer", TOO_MANY))

    def _time_out(self) -> None:
        _log.warn("the completion kernel does not answer and is replaced")
        session, self._session = self._session, None
        attachment, self._attachment = self._attachment, None
        if attachment is not None:
            attachment.detach()
        if session is not None:
            session.stop(Reason.STOPPED)
        sentence = "The completion kernel does not answer. Please try again in a moment."
        self._fail_all("no_answer", sentence)

    def _fail_all(self, code: str, sentence: str) -> None:
        for question in [*self._questions.values(), *self._turns]:
            self._finish(question, self._failed(question.asked, code, sentence))

    def _finish(self, question: Question, reply: Message) -> None:
        """Reply to a request, which was sent to the kernel or still waits."""
        if question.msg_id:
            del self._questions[question.msg_id]
            self._turns.served(question.who)
        else:
            self._turns.leave(question.who, question)
        if question.deadline is not None and question.deadline.active():
            question.deadline.cancel()
        question.answer(reply)

    def _failed(self, asked: Message, code: str, sentence: str) -> Message:
        error = {"status": "error", "ename": code, "evalue": sentence, "traceback": []}
        return self._reply(asked, {**_nothing(asked, asked.parsed_content()), **error})

    def _reply(self, asked: Message, content: dict[str, Any]) -> Message:
        return self.originator.originate(
            SHELL, REPLIES[asked.msg_type], content, parent_header=asked.header
        )


def _from_words(asked: Message, mode: str, content: dict[str, Any]) -> dict[str, Any]:
    """The reply's content for a language that no kernel completes."""
    nothing = _nothing(asked, content)
    if asked.msg_type != "complete_request":
        return nothing
    code, place = _code(content)
    start, matches = completion(mode, code[:place])
    return {**nothing, "matches": matches, "cursor_start": start}


def _nothing(asked: Message, content: dict[str, Any]) -> dict[str, Any]:
    """The content of a reply that found nothing, with the fields that clients rely on."""
    if asked.msg_type == "inspect_request":
        return {"status": "ok", "found": False, "data": {}, "metadata": {}}
    _, place = _code(content)
    empty = {"matches": [], "cursor_start": place, "cursor_end": place, "metadata": {}}
    return {"status": "ok", **empty}


def _code(content: dict[str, Any]) -> tuple[str, int]:
    code, place = content.get("code"), content.get("cursor_pos")
    text = code if isinstance(code, str) else ""
    if isinstance(place, int) and 0 <= place <= len(text):
        return text, place
    return text, len(text)
