"""Completions and explanations for cells that have no kernel yet, from one kernel for everybody.

It is started by the first question, ends by itself when nobody has asked for a while, and is
started again. Nothing is ever executed in it: it answers each question in a process of the
question's own, which has seconds to do so (see kernelside/completion/requests.py) and leaves no
trace for the others. Those who ask take turns, so that slow questions of one keep nobody else
waiting. Only an excerpt around the cursor goes there. Questions about languages that the kernel
does not speak are answered from a list of words.
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

#: What is answered, and by what. To the kernel both are asked and answered with a prefix.
REPLIES = {"complete_request": "complete_reply", "inspect_request": "inspect_reply"}
PREFIX = "sagecell."

#: What the kernel speaks; without a mode, a question is for it as well.
SPOKEN = frozenset({"", "sage", "python"})

#: Questions that may wait for an answer, and for how long, in seconds. A kernel that has not
#: answered one by then is replaced: it answers each within two, be it to say that it cannot.
MOST = 256
PATIENCE = 10.0

#: Questions that the kernel has at a time, and how many of them one asker.
AT_ONCE = 8
EACH = 2

#: The longest answer that is looked at, in bytes.
LONGEST = 256 * 1024

#: Bytes to read from the message log at once.
ROOM = 256 * 1024


@define(kw_only=True, eq=False)
class Question:
    """What a client asked, the part of it that the kernel is asked, and who waits for the answer.

    `msg_id` is the kernel's request's, empty while the question waits for its turn.
    """

    asked: Message
    excerpt: Excerpt
    detail_level: int
    who: str
    answer: Callable[[Message], None]
    deadline: IDelayedCall | None = None
    msg_id: str = ""


@define(kw_only=True, eq=False)
class Completer:
    """The shared kernel's one listener."""

    fleet: Fleet
    clock: IReactorTime
    originator: Originator
    _questions: dict[str, Question] = field(factory=dict, init=False)  # that the kernel has
    _turns: Turns[Question] = field(factory=lambda: Turns(AT_ONCE, EACH), init=False)
    _opening: bool = field(default=False, init=False)
    _session: Session | None = field(default=None, init=False)
    _attachment: Attachment | None = field(default=None, init=False)

    def accepts(self, asked: Message) -> bool:
        """Whether a request is one for the completer; others are not to be asked."""
        return asked.msg_type in REPLIES

    @property
    def is_full(self) -> bool:
        """Whether as many questions wait as may; one more is answered with an error."""
        return len(self._questions) + len(self._turns) >= MOST

    def ask(
        self, asked: Message, mode: str, answer: Callable[[Message], None], *, who: str = ""
    ) -> None:
        """Answer a request, exactly once, now or later. Whatever goes wrong is an answer too.

        `mode` is the language that is asked about, empty when nothing is said about it, and `who`
        the name of who asks, empty when it is not known.
        """
        content = asked.parsed_content()
        if mode not in SPOKEN:
            answer(self._reply(asked, _from_words(asked, mode, content)))
        elif self.is_full:
            answer(self._failed(asked, "too_many_requests", "Too many completions are asked for."))
        else:
            self._ask_kernel(asked, content, answer, who)

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
        """See `Listener.close`: the next question starts another kernel."""
        self._session = self._attachment = None
        self._fail_all("completer_ended", "The kernel that completes has ended.")

    # --- inside

    def _ask_kernel(
        self, asked: Message, content: dict[str, Any], answer: Callable[[Message], None], who: str
    ) -> None:
        question = Question(
            asked=asked,
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
            _log.failure("starting the completer", failure)
        else:
            _log.warn("no completer: {why}", why=failure.value)
        self._fail_all("start_failed", "No kernel came up to complete with.")

    def _send_next(self) -> None:
        """Ask the kernel whatever it has room for."""
        while self._attachment is not None and (question := self._turns.next()) is not None:
            self._send(question, self._attachment)

    def _send(self, question: Question, attachment: Attachment) -> None:
        content: dict[str, Any] = {
            "code": question.excerpt.text,
            "cursor_pos": question.excerpt.place,
        }
        if question.asked.msg_type == "inspect_request":
            content["detail_level"] = question.detail_level
        # Clients choose their ids as they like; here they must not collide.
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
        """What the kernel's answer is to the one who asked."""
        asked = question.asked
        if message.msg_type != PREFIX + REPLIES[asked.msg_type] or message.size > LONGEST:
            sentence = "The kernel answered something else."
            return self._failed(asked, "unexpected_reply", sentence)
        try:
            content = message.parsed_content()
            if content.get("status") == "error":
                return self._failed(asked, str(content.get("ename")), str(content.get("evalue")))
            # Only what was asked for: the kernel's own header would give its id away.
            return self._reply(asked, question.excerpt.restored(content))
        except (WireError, ValueError, RecursionError):
            return self._failed(asked, "unexpected_reply", "The kernel's answer makes no sense.")

    def _expire(self, question: Question) -> None:
        """It has had no turn for so long."""
        question.deadline = None
        sentence = "Too many completions are asked for. Please try again in a moment."
        self._finish(question, self._failed(question.asked, "no_answer", sentence))

    def _time_out(self) -> None:
        _log.warn("the completer does not answer and is replaced")
        session, self._session = self._session, None
        attachment, self._attachment = self._attachment, None
        if attachment is not None:
            attachment.detach()
        if session is not None:
            session.stop(Reason.STOPPED)
        self._fail_all("no_answer", "The kernel that completes does not answer.")

    def _fail_all(self, code: str, sentence: str) -> None:
        for question in [*self._questions.values(), *self._turns]:
            self._finish(question, self._failed(question.asked, code, sentence))

    def _finish(self, question: Question, reply: Message) -> None:
        """Give a question its answer, wherever it was."""
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
    """The answer for a language that no kernel here completes."""
    nothing = _nothing(asked, content)
    if asked.msg_type != "complete_request":
        return nothing
    code, place = _code(content)
    start, matches = completion(mode, code[:place])
    return {**nothing, "matches": matches, "cursor_start": start}


def _nothing(asked: Message, content: dict[str, Any]) -> dict[str, Any]:
    """An answer that has nothing in it, in the shape that clients rely on."""
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
