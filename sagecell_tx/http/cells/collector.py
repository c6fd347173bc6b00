"""The output of one execute_request, collected for an answer in one piece."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred

from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.lifecycle.runpermalinks import MSG_TYPE as RUN_PERMALINK
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.listeners.audience import Attachment
from sagecell_tx.sessions.listeners.messagelog import STREAM
from sagecell_tx.sessions.requests.notices import is_idle
from sagecell_tx.wire.jsonbounds import MARKS, marks_in
from sagecell_tx.wire.messages import SHELL, Message, WireError, dump

#: Bytes to read from the message log at once.
ROOM = 256 * 1024

#: The types of messages that are results or displays.
_SHOWN = frozenset({"execute_result", "display_data", "update_display_data"})

#: The types of other messages whose content is parsed, and the most strings, brackets and commas in
#: each: a kernel may send any number of them, except of replies.
_PARSED = {"stream": STREAM, "execute_reply": MARKS, RUN_PERMALINK: STREAM}

CUT = "\n[The output is cut here.]\n"
LEFT_OUT = "\n[A result or a display is left out here: it is too long.]\n"


@define(eq=False)
class Collector:
    """A listener that collects the output and the reply of one execute_request.

    Of the output it keeps up to `limit` characters, and twice as many bytes of JSON: the reactor's
    thread encodes the answer, and some characters take twelve bytes in it. A result or a display
    counts as the JSON that it is, also if it replaces another one. If that is too long, it is left
    out. They are kept as JSON: as objects they would take thirty times the memory.
    """

    _msg_id: str
    _limit: int
    _awaits_permalink: bool = False
    _bytes: int = field(init=False)
    _marks: int = field(default=MARKS, init=False)  # in all results and displays together
    streams: dict[str, list[str]] = field(factory=dict, init=False)
    result: bytes | None = field(default=None, init=False)  # JSON of data and metadata
    reply: dict[str, Any] | None = field(default=None, init=False)
    reason: Reason | None = field(default=None, init=False)  # why there is no reply
    permalink: dict[str, Any] | None = field(default=None, init=False)  # its id, or why it has none
    is_over: bool = field(default=False, init=False)  # the execution
    is_late: bool = field(default=False, init=False)  # the deadline was reached before the end
    done: Deferred[None] = field(factory=Deferred, init=False)
    _displays: dict[str | int, bytes] = field(factory=dict, init=False)  # by display_id
    _is_cut: bool = field(default=False, init=False)  # text, which is told
    _left_out: bool = field(default=False, init=False)  # a result or a display, which is told
    _attachment: Attachment | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._bytes = 2 * self._limit

    @property
    def displays(self) -> list[bytes]:
        """JSON of the data and metadata of each display, in order.

        Each display_id has one, the latest.
        """
        return list(self._displays.values())

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
        kind = message.msg_type
        if kind in _SHOWN:
            self._show(message)
        elif kind == "stream" and self._limit <= 0:
            self._cut()
        elif kind in _PARSED and (kind != "execute_reply" or message.channel == SHELL):
            try:
                content = message.parsed_content(marks=_PARSED[kind])
            except WireError:
                return
            if kind == "stream":
                self._print(str(content.get("name")), str(content.get("text", "")))
            elif kind == RUN_PERMALINK:
                self.permalink = content
            elif _json_size(content) is not None:
                self.reply = content
        elif kind == "status" and is_idle(message):
            self.is_over = True
        if self.is_over and not (self._awaits_permalink and self.permalink is None):
            self._be_done()

    def _print(self, name: str, text: str) -> None:
        if name in ("stdout", "stderr"):
            kept, size = start_of(text, self._limit, self._bytes)
            self.streams.setdefault(name, []).append(kept)
            self._limit -= len(kept)
            self._bytes -= size
            if len(kept) < len(text) or self._limit <= 0:
                self._cut()

    def _show(self, message: Message) -> None:
        """Keep a result or a display. What was parsed counts, whether it is kept or not."""
        room = min(self._limit, self._bytes)
        if room <= 0 or len(message.content) > room:
            self._leave_out()
            return
        try:
            content = message.parsed_content(marks=self._marks)
            self._marks -= marks_in(message.content)
            shown = dump({name: _object(content.get(name)) for name in ("data", "metadata")})
            size = len(shown)
        except (WireError, ValueError, RecursionError):
            size = len(message.content)
            self._leave_out()
        else:
            if size > room:
                self._leave_out()
            elif message.msg_type == "execute_result":
                self.result = shown
            else:
                self._display(message.msg_type, shown, content.get("transient"))
        # As JSON it may be longer than it was as UTF-8.
        self._limit = max(0, self._limit - size)
        self._bytes = max(0, self._bytes - size)

    def _display(self, kind: str, shown: bytes, transient: object) -> None:
        display_id = transient.get("display_id") if isinstance(transient, dict) else None
        name = display_id if isinstance(display_id, str) else len(self._displays)
        if kind == "display_data" or name in self._displays:
            self._displays[name] = shown

    def _cut(self) -> None:
        """Keep no more output, and say so once."""
        self._limit = 0
        if not self._is_cut:
            self._is_cut = True
            self.streams.setdefault("stderr", []).append(CUT)

    def _leave_out(self) -> None:
        """Say once that something is left out."""
        if not self._left_out:
            self._left_out = True
            self.streams.setdefault("stderr", []).append(LEFT_OUT)


def _object(value: object) -> dict[str, Any]:
    """A field that must be an object; empty if it is not."""
    return value if isinstance(value, dict) else {}


def start_of(text: str, characters: int, size: int) -> tuple[str, int]:
    """The start of `text`, at most so many characters and bytes of JSON; and its bytes of JSON.

    The work is linear: each step writes at most half as much as JSON as the one before.
    """
    text = text[:characters]
    end, taken, step = 0, 0, len(text)
    while step and end < len(text):
        more = len(dump(text[end : end + step])) - 2
        if taken + more <= size:
            end, taken = end + step, taken + more
        step = (step + 1) // 2 if step > 1 else 0
    return text[:end], taken


def _json_size(content: dict[str, Any]) -> int | None:
    """Its bytes as JSON; None if a kernel's content cannot be JSON again: 1e999 is infinity."""
    try:
        return len(dump(content))
    except (ValueError, RecursionError):
        return None
