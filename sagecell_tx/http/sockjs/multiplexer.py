"""One SockJS connection for all cells of a page, each with its kernel.

    -> 74ff2342-cee4-4652-bd63-ff2a321aae60/channels,<a Jupyter message, as JSON text>
    <- 74ff2342-cee4-4652-bd63-ff2a321aae60/channels,<the same>
    -> complete,<complete_request or inspect_request, in new or old shape>
    <- complete,<its reply>

Whoever is written to a kernel hears it from then on. What is for a kernel that is not there goes
nowhere, and nothing is said about it (contract 3.3, T12). Kernels take turns, and each waits
while the client is slow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from attrs import define, field, frozen

from sagecell_tx.http.sockjs.connection import Link
from sagecell_tx.http.transports.websocket import TRY_AGAIN_LATER
from sagecell_tx.sessions.admission.visitors import Visitor
from sagecell_tx.sessions.completion.completer import Completer
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.lifecycle.bridge import Attachment, Undeliverable
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.listeners.audience import STALLED
from sagecell_tx.wire import textwire
from sagecell_tx.wire.jsonbounds import QUESTION_MARKS
from sagecell_tx.wire.messages import Message, WireError
from sagecell_tx.wire.sockjswire import Text
from sagecell_tx.wire.v4 import Elder

#: What comes before the comma of a question to the completer.
COMPLETE = "complete"

#: Answers and refusals that may wait for one client, those that are still to come included.
#: What it asks beyond that is let fall, as if a proxy had lost it.
ANSWERS = 64

#: Bytes in the content of a question to the completer; a longer one is let fall as well.
QUESTION = 256 * 1024

#: Bytes that one kernel may say before it is another one's turn.
TURN = 64 * 1024


@frozen
class Said:
    """What a client said to whoever has that address: a message, or why it is none."""

    address: str
    message: Message | WireError


@define(eq=False)
class Line:
    """One kernel's part of the connection: the session's listener."""

    _multiplexer: Multiplexer
    session: Session
    attachment: Attachment = field(init=False)
    elder: Elder = field(factory=Elder, init=False)

    def __attrs_post_init__(self) -> None:
        self.attachment = self.session.attach(self)

    def wake(self) -> None:
        """See `Listener.wake`."""
        self._multiplexer.has_news(self)

    def close(self, reason: str) -> None:
        """See `Listener.close`."""
        self._multiplexer.is_over(self, reason)


@define(eq=False)
class Multiplexer:
    """The talk on one connection. `now` gives the time as ISO 8601 text."""

    _link: Link
    _fleet: Fleet
    _completer: Completer
    _now: Callable[[], str]
    _lines: dict[str, Line] = field(factory=dict, init=False)
    _turns: deque[Line] = field(factory=deque, init=False)  # which may have something to say
    _answers: deque[Text] = field(factory=deque, init=False)  # for this client alone
    _awaited: int = field(default=0, init=False)
    _elder: Elder = field(factory=Elder, init=False)  # of the questions to the completer
    _over: bool = field(default=False, init=False)

    # --- Talk

    def read(self, text: str) -> Said | None:
        """See `Talk.read`."""
        address, comma, message = text.partition(",")
        if not comma:
            return None
        try:
            return Said(address, textwire.parse(message, date=self._now()))
        except WireError as error:
            return Said(address, error)

    def receive(self, said: Said | None) -> None:
        """See `Talk.receive`."""
        if said is None:
            return
        if said.address == COMPLETE:
            self._complete(said.message)
            return
        line = self._line(said.address.partition("/")[0])
        if line is not None:
            self._send(line, said.message)

    def take(self, room: int) -> list[Text]:
        """See `Talk.take`."""
        taken = list(self._answers)
        self._answers.clear()
        while self._turns and room > 0:
            line = self._turns.popleft()
            messages = line.attachment.take(min(room, TURN))
            if messages and line not in self._turns:
                self._turns.append(line)
            for message in messages:
                room -= message.size
                taken.append(_addressed(line.session, line.elder.answered(message)))
        return taken

    def end(self) -> None:
        """See `Talk.end`. Without another listener, the kernels end before long."""
        self._over = True
        lines = list(self._lines.values())
        self._lines.clear()
        self._turns.clear()
        self._answers.clear()
        for line in lines:
            line.attachment.detach()

    # --- kernels

    def has_news(self, line: Line) -> None:
        """A kernel has something to say."""
        if line not in self._turns:
            self._turns.append(line)
            self._link.wake()

    def is_over(self, line: Line, reason: str) -> None:
        """A session has said its last word, or this client is too slow for it."""
        self._lines.pop(line.session.kernel_id, None)
        if line in self._turns:
            self._turns.remove(line)
        if reason == STALLED:
            self._link.abandon(TRY_AGAIN_LATER, "Too slow: nothing was taken for too long.")

    def _line(self, kernel_id: str) -> Line | None:
        """A kernel's line, opened when it is asked for first."""
        line = self._lines.get(kernel_id)
        if line is None:
            session = self._fleet.get(kernel_id)
            if session is None:
                return None
            line = self._lines[kernel_id] = Line(self, session)
            self.has_news(line)  # what was said before waits
        return line

    def _send(self, line: Line, message: Message | WireError) -> None:
        match message:
            case textwire.UnknownChannel():
                self._refuse(line, message.code, message.message, message.header)
            case WireError():
                # One bad message must not cut the page's other cells off.
                self._refuse(line, message.code, message.message, b"{}")
            case Message():
                try:
                    line.attachment.send(line.elder.modern(message))
                except Undeliverable as error:
                    self._refuse(line, error.code, error.message, message.header)

    def _refuse(self, line: Line, code: str, sentence: str, header: bytes) -> None:
        """Tell this client alone that its request goes nowhere."""
        if len(self._answers) + self._awaited >= ANSWERS:
            return
        content = {"ename": code, "evalue": sentence, "traceback": [f"{code}: {sentence}"]}
        refusal = line.session.say("error", content, header)
        self._answers.append(_addressed(line.session, refusal))
        self._link.wake()

    # --- completions

    def _complete(self, asked: Message | WireError) -> None:
        if len(self._answers) + self._awaited >= ANSWERS or isinstance(asked, WireError):
            return  # there is nobody to be told: a question has no kernel
        try:
            mode = asked.parsed_content(QUESTION, QUESTION_MARKS).get("mode")
        except WireError:
            return
        question = self._elder.modern(asked)
        if self._completer.answers(question):
            self._awaited += 1
            language = mode if isinstance(mode, str) else ""
            who = Visitor(address=self._link.address).holder
            self._completer.ask(question, language, self._answered, who=who)

    def _answered(self, reply: Message) -> None:
        self._awaited -= 1
        if not self._over:
            told = self._elder.answered(reply)
            self._answers.append((f"{COMPLETE},", *textwire.render(told)))
            self._link.wake()


def _addressed(session: Session, message: Message) -> Text:
    """A message with its address before it: 46 bytes, which there are clients that count."""
    return (f"{session.kernel_id}/channels,", *textwire.render(message))
