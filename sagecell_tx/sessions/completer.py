"""Completions and explanations for cells that have no kernel yet, from one kernel for everybody.

It is started by the first question, ends by itself when nobody has asked for a while, and is
started again. Nothing is ever executed in it, and nobody but the completer knows its id, so what one
visitor asks leaves no trace for the others. Questions about languages that it does not speak
are answered from a list of words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from sagecell_tx.sessions.bridge import Attachment, Undeliverable
from sagecell_tx.sessions.fleet import Fleet
from sagecell_tx.sessions.interfaces import StartFailed
from sagecell_tx.sessions.reasons import Reason
from sagecell_tx.sessions.refusals import Refused
from sagecell_tx.sessions.session import Session
from sagecell_tx.sessions.visitors import Purpose, Visitor
from sagecell_tx.sessions.words import completion
from sagecell_tx.wire.messages import SHELL, Message, originate

_log = Logger()

#: What is answered, and by what.
REPLIES = {"complete_request": "complete_reply", "inspect_request": "inspect_reply"}

#: What the kernel speaks; without a mode, a question is for it as well.
SPOKEN = frozenset({"", "sage", "python"})

#: Questions that may wait for an answer, and for how long, in seconds. A kernel that has not
#: answered by then is replaced.
MOST = 256
PATIENCE = 10.0

#: Bytes to take from the outbox at once.
ROOM = 256 * 1024


@define
class Question:
    """A client's request, the kernel's own in its place, and who waits for the answer."""

    asked: Message
    request: Message
    answer: Callable[[Message], None]
    deadline: IDelayedCall


@define(kw_only=True, eq=False)
class Completer:
    """The shared kernel's one listener. `new_id` makes message ids, `now` ISO 8601 times."""

    fleet: Fleet
    clock: IReactorTime
    new_id: Callable[[], str]
    now: Callable[[], str]
    _questions: dict[str, Question] = field(factory=dict, init=False)
    _opening: bool = field(default=False, init=False)
    _session: Session | None = field(default=None, init=False)
    _attachment: Attachment | None = field(default=None, init=False)

    def answers(self, asked: Message) -> bool:
        """Whether a request is one for the completer; others are not to be asked."""
        return asked.msg_type in REPLIES

    @property
    def is_full(self) -> bool:
        """Whether as many questions wait as may; one more is answered with an error."""
        return len(self._questions) >= MOST

    def ask(self, asked: Message, mode: str, answer: Callable[[Message], None]) -> None:
        """Answer a request, exactly once, now or later. Whatever goes wrong is an answer too.

        `mode` is the language that is asked about, empty when nothing is said about it.
        """
        content = asked.parsed_content()
        if mode not in SPOKEN:
            answer(self._reply(asked, _from_words(asked, mode, content)))
        elif self.is_full:
            answer(self._failed(asked, "too_many_requests", "Too many completions are asked for."))
        else:
            self._ask_kernel(asked, content, answer)

    # --- Listener

    def wake(self) -> None:
        """See `Listener.wake`."""
        while self._attachment is not None:
            messages = self._attachment.take(ROOM)
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
        self, asked: Message, content: dict[str, Any], answer: Callable[[Message], None]
    ) -> None:
        # Clients choose their ids as they like; here they must not collide.
        request = originate(
            SHELL,
            asked.msg_type,
            content,
            session="",
            msg_id=self.new_id(),
            date=self.now(),
        )
        deadline = self.clock.callLater(PATIENCE, self._lose_patience)
        question = Question(asked, request, answer, deadline)
        self._questions[request.msg_id] = question
        if self._attachment is not None:
            self._send(question)
        elif not self._opening:
            self._opening = True
            opened = Deferred.fromCoroutine(self._open())
            opened.addErrback(self._not_opened)

    async def _open(self) -> None:
        visitor = Visitor(purpose=Purpose.COMPLETER)
        session = await self.fleet.open(
            visitor, timeout=self.fleet.limits.completer, patience=PATIENCE
        )
        await session.when_ready()
        session.expect_no_execution()
        self._opening, self._session = False, session
        self._attachment = session.attach(self)
        for question in list(self._questions.values()):
            self._send(question)

    def _not_opened(self, failure: Failure) -> None:
        self._opening = False
        if failure.check(Refused, StartFailed) is None:
            _log.failure("starting the completer", failure)
        else:
            _log.warn("no completer: {why}", why=failure.value)
        self._fail_all("start_failed", "No kernel came up to complete with.")

    def _send(self, question: Question) -> None:
        assert self._attachment is not None, "nothing is sent before there is a kernel"
        try:
            self._attachment.send(question.request)
        except Undeliverable as error:
            self._forget(question.request.msg_id)
            question.answer(self._failed(question.asked, error.code, error.message))

    def _answered(self, message: Message) -> None:
        question = self._forget(message.parent_id)
        if message.msg_type != REPLIES[question.asked.msg_type]:
            sentence = "The kernel answered something else."
            question.answer(self._failed(question.asked, "unexpected_reply", sentence))
        else:
            # Only what was asked for: the kernel's own header would give its id away.
            reply = self._reply(question.asked, {})
            question.answer(evolve(reply, content=message.content))

    def _lose_patience(self) -> None:
        _log.warn("the completer does not answer and is replaced")
        session, self._session = self._session, None
        attachment, self._attachment = self._attachment, None
        if attachment is not None:
            attachment.detach()
        if session is not None:
            session.stop(Reason.STOPPED)
        self._fail_all("no_answer", "The kernel that completes does not answer.")

    def _fail_all(self, code: str, sentence: str) -> None:
        for msg_id in list(self._questions):
            question = self._forget(msg_id)
            question.answer(self._failed(question.asked, code, sentence))

    def _forget(self, msg_id: str) -> Question:
        question = self._questions.pop(msg_id)
        if question.deadline.active():
            question.deadline.cancel()
        return question

    def _failed(self, asked: Message, code: str, sentence: str) -> Message:
        error = {"status": "error", "ename": code, "evalue": sentence, "traceback": []}
        return self._reply(asked, {**_nothing(asked, asked.parsed_content()), **error})

    def _reply(self, asked: Message, content: dict[str, Any]) -> Message:
        return originate(
            SHELL,
            REPLIES[asked.msg_type],
            content,
            session="",
            msg_id=self.new_id(),
            date=self.now(),
            parent_header=asked.header,
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
