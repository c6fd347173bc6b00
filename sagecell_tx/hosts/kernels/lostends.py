"""Requests whose end an installed kernel has published, and ZMQ has dropped at the kernel's side.

ipykernel leaves ZMQ's default: what it publishes while 1,000 messages wait to be read is dropped, without a word, and
the status "idle" at the end with it. Clients would wait for that for ever, and the session would count as busy.

A kernel works on what comes on shell one after the other. So a request that has its reply, and not its idle, is followed by one of
the server's own: once that is idle, the first one's idle will not come any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from attrs import define, field, frozen
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sagecell_tx.sessions.requests.notices import is_idle
from sagecell_tx.wire.messages import IOPUB, SHELL, Message, is_name

#: Seconds from a reply until the kernel is asked, and between two requests at most; each pause is twice the one before.
LATE = 1.0
LONGEST = 60.0

#: Requests of which this is known at a time, and of which only the idle has come. A program may send replies to none.
MOST = 100

#: Bytes of the headers of those requests, all together: real ones have some hundred each.
MOST_HEADERS = 256 * 1024

#: Requests of the server's own whose answers are waited for at a time. The last one is about all that the others are about.
MOST_ASKED = 10

_LOST = (
    "\n[Some output is missing here: the program published faster than it was read, "
    "and its kernel keeps 1,000 messages.]\n"
)


@frozen
class _Replied:
    """What is kept of a reply, which may have a hundred megabytes."""

    msg_type: str
    parent_header: bytes


@define(kw_only=True, eq=False)
class LostEnds:
    """Notices the ends that are lost, and calls `deliver` with messages in their place.

    `ask` sends the kernel a request on shell, and returns its id, or "" if it cannot be sent now. `originate` makes a message: channel,
    type, content. `noticed` is called for each end that is lost, for the log.
    """

    clock: IReactorTime
    ask: Callable[[], str]
    originate: Callable[[str, str, dict[str, Any]], Message]
    deliver: Callable[[Message], None]
    noticed: Callable[[], None]
    _replies: dict[str, _Replied] = field(factory=dict, init=False)  # by the ids of requests
    _idle: dict[str, None] = field(factory=dict, init=False)  # ids of requests, the oldest first
    _asked: dict[str, list[str]] = field(factory=dict, init=False)  # what each request is about
    _pause: float = field(default=LATE, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)

    def received(self, message: Message) -> None:
        """A message has come that is not about a request of the server's own."""
        if message.channel == SHELL:
            self._replied(message)
        elif message.msg_type == "status" and is_idle(message):
            self._went_idle(message.parent_id)

    def received_own(self, message: Message) -> None:
        """A message has come that is about a request of the server's own."""
        if message.msg_type == "status" and message.parent_id in self._asked and is_idle(message):
            for ident in self._asked.pop(message.parent_id):
                self._end(ident)

    def stop(self) -> None:
        """The kernel has ended. Harmless if repeated."""
        self._replies.clear()
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._next = None

    def _replied(self, reply: Message) -> None:
        if reply.parent_id in self._idle:
            del self._idle[reply.parent_id]
        elif is_name(reply.parent_id) and self._has_room_for(reply.parent_header):
            self._replies[reply.parent_id] = _Replied(reply.msg_type, reply.parent_header)
            if self._next is None:
                self._pause = LATE
                self._wait()

    def _has_room_for(self, header: bytes) -> bool:
        size = sum(len(each.parent_header) for each in self._replies.values())
        return len(self._replies) < MOST and size + len(header) <= MOST_HEADERS

    def _went_idle(self, ident: str) -> None:
        if self._replies.pop(ident, None) is None and is_name(ident):
            self._idle[ident] = None
            if len(self._idle) > MOST:
                del self._idle[next(iter(self._idle))]

    def _wait(self) -> None:
        self._next = self.clock.callLater(self._pause, self._ask)

    def _ask(self) -> None:
        self._next = None
        if not self._replies:
            self._asked.clear()
            return
        ident = self.ask()
        if ident:
            self._asked[ident] = list(self._replies)
            if len(self._asked) > MOST_ASKED:
                del self._asked[next(iter(self._asked))]
        self._pause = min(2 * self._pause, LONGEST)
        self._wait()

    def _end(self, ident: str) -> None:
        reply = self._replies.pop(ident, None)
        if reply is None:
            return
        self.noticed()
        if reply.msg_type == "execute_reply":
            self._say(reply, "stream", {"name": "stderr", "text": _LOST})
        self._say(reply, "status", {"execution_state": "idle"})

    def _say(self, reply: _Replied, msg_type: str, content: dict[str, Any]) -> None:
        message = self.originate(IOPUB, msg_type, content)
        self.deliver(attrs.evolve(message, parent_header=reply.parent_header))
