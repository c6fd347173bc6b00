"""The requests that a kernel is working on, and the order in which clients see them end.

A kernel answers on two independent sockets: the reply on shell, the output and the final
``status: idle`` on iopub. Either may arrive first. Clients always get all output, then the
reply, then idle. So the first of these two ends is kept back until the other one arrives.
"""

from __future__ import annotations

from attrs import define, field, frozen

from sagecell_tx.sessions.requests.notices import without_files
from sagecell_tx.wire.messages import Message

#: Requests that run a visitor's code. Only these keep a kernel alive, and only for these
#: is a reply certain: comm messages and unknown requests end with an idle status alone.
EXECUTIONS = frozenset({"execute_request", "sagenb.interact.update_interact"})

#: How many unsaved files are recorded for one request.
UNSAVED = 1000


@define(kw_only=True)
class Request:
    """One request: its header's JSON, its output so far, and the ends that have arrived."""

    header: bytes
    msg_type: str
    executes: bool
    output_bytes: int = 0
    apart_bytes: int = 0  # of errors, which do not count as output
    silenced: bool = False  # the output cap was reached
    reply: Message | None = None
    idle: Message | None = None
    unsaved: set[str] = field(factory=set)  # files that it made and that were not stored

    def note_file(self, name: str, *, saved: bool) -> None:
        """Record whether a file was saved; beyond `UNSAVED`, nothing is recorded."""
        if saved:
            self.unsaved.discard(name)
        elif len(self.unsaved) < UNSAVED:
            self.unsaved.add(name)

    @property
    def reply_type(self) -> str:
        """The type of its reply."""
        return f"{self.msg_type.removesuffix('_request')}_reply"

    def announced(self, reply: Message) -> Message:
        """The reply, without the names of files that were not saved."""
        return without_files(reply, self.unsaved) if self.unsaved else reply


@frozen
class Ending:
    """Messages to pass on now, and whether their request has ended and was an execution."""

    messages: tuple[Message, ...]
    over: bool = False
    executed: bool = False


@define
class InFlight:
    """The requests sent to one kernel's shell that have not ended.

    The ends that are kept back have at most `most` bytes: one for which there is no room is passed
    on as if it were none. A kernel sends both ends together; only a program that imitates a kernel
    can exceed the bound.
    """

    most: int
    _requests: dict[str, Request] = field(factory=dict, init=False)
    _kept: int = field(default=0, init=False)  # bytes

    def __len__(self) -> int:
        return len(self._requests)

    @property
    def kept(self) -> int:
        """The bytes of the ends that are kept back."""
        return self._kept

    def __contains__(self, msg_id: object) -> bool:
        return msg_id in self._requests

    @property
    def running(self) -> list[str]:
        """The ids of the executions of which neither end has arrived."""
        return [
            msg_id
            for msg_id, request in self._requests.items()
            if request.executes and request.reply is None and request.idle is None
        ]

    @property
    def unanswered(self) -> list[Request]:
        """The executions of which the idle status has arrived, and the reply has not."""
        return [
            request
            for request in self._requests.values()
            if request.executes and request.idle is not None and request.reply is None
        ]

    def get(self, msg_id: str) -> Request | None:
        """The request with that id, while it is in flight."""
        return self._requests.get(msg_id)

    def sent(self, message: Message) -> None:
        """Record a request that is sent to the kernel's shell."""
        self._requests[message.msg_id] = Request(
            header=message.header,
            msg_type=message.msg_type,
            executes=message.msg_type in EXECUTIONS,
        )

    def replied(self, reply: Message) -> Ending:
        """Handle a reply on shell."""
        request = self._requests.get(reply.parent_id)
        if request is None or not request.executes:
            return Ending((reply,))
        if request.idle is not None:
            return self._over(reply.parent_id, (request.announced(reply), request.idle))
        if not self._keep(reply, request.reply):
            return Ending((reply,))
        request.reply = reply
        return Ending(())

    def went_idle(self, status: Message) -> Ending:
        """Handle a ``status: idle`` on iopub."""
        request = self._requests.get(status.parent_id)
        if request is None:
            return Ending((status,))
        if not request.executes:
            return self._over(status.parent_id, (status,))
        if request.reply is not None:
            return self._over(status.parent_id, (request.announced(request.reply), status))
        if not self._keep(status, request.idle):
            return Ending((status,))
        request.idle = status
        return Ending(())

    def take_all(self) -> list[Request]:
        """Drop all requests; returns them, with the ends that were kept back, in order."""
        requests = list(self._requests.values())
        self._requests.clear()
        self._kept = 0
        return requests

    def abandon(self) -> tuple[Message, ...]:
        """Drop all requests; returns the ends that were kept back, in order."""
        kept = [
            end
            for request in self.take_all()
            for end in (request.reply and request.announced(request.reply), request.idle)
        ]
        return tuple(end for end in kept if end is not None)

    def _keep(self, end: Message, before: Message | None) -> bool:
        """Count an end that replaces `before`; returns whether there is room for it."""
        kept = self._kept + end.size - (before.size if before is not None else 0)
        if kept > self.most:
            return False
        self._kept = kept
        return True

    def _over(self, msg_id: str, ends: tuple[Message, ...]) -> Ending:
        request = self._requests.pop(msg_id)
        self._kept -= sum(end.size for end in (request.reply, request.idle) if end is not None)
        return Ending(ends, over=True, executed=request.executes)
