"""Which requests a kernel is working on, and in what order their ends are told.

A kernel answers on two sockets that know nothing of each other: the reply on shell, the
output and the final ``status: idle`` on iopub. Either may arrive first. Clients are told
one order: all output, then the reply, then idle. So the first of the two ends is kept
back until the other one is there.
"""

from __future__ import annotations

from attrs import define, field, frozen

from sagecell_tx.sessions.requests.notices import without_files
from sagecell_tx.wire.messages import Message

#: Requests that run a visitor's code. Only these keep a kernel alive, and only for these
#: is a reply certain: comm messages and unknown requests end with an idle status alone.
EXECUTIONS = frozenset({"execute_request", "sagenb.interact.update_interact"})

#: Files of one request of which it is noted that they were not saved.
UNSAVED = 1000


@define(kw_only=True)
class Request:
    """One request: its header's JSON, what has been said on its behalf, and its ends so far."""

    header: bytes
    executes: bool
    output_bytes: int = 0  # bytes of output
    silenced: bool = False  # the output cap was reached
    reply: Message | None = None
    idle: Message | None = None
    unsaved: set[str] = field(factory=set)  # files that it made and that were not stored

    def note_file(self, name: str, *, saved: bool) -> None:
        """Take note of what became of a file; of too many, the reply is the program's own play."""
        if saved:
            self.unsaved.discard(name)
        elif len(self.unsaved) < UNSAVED:
            self.unsaved.add(name)

    def announced(self, reply: Message) -> Message:
        """Its reply, in which only files that were saved are named."""
        return without_files(reply, self.unsaved) if self.unsaved else reply


@frozen
class Ending:
    """Messages to pass on now, and whether their request is over and was an execution."""

    messages: tuple[Message, ...]
    over: bool = False
    executed: bool = False


@define
class InFlight:
    """The requests sent to one kernel's shell that are not over.

    An end that would make the ends kept back longer than `most` bytes is none: it is passed on.
    A kernel sends the other end at once; only a program that plays the kernel does not.
    """

    most: int
    _requests: dict[str, Request] = field(factory=dict, init=False)
    _kept: int = field(default=0, init=False)  # bytes

    def __len__(self) -> int:
        return len(self._requests)

    def __contains__(self, msg_id: object) -> bool:
        return msg_id in self._requests

    @property
    def running(self) -> list[str]:
        """The ids of the executions that neither of the two ends has come of."""
        return [
            msg_id
            for msg_id, request in self._requests.items()
            if request.executes and request.reply is None and request.idle is None
        ]

    def get(self, msg_id: str) -> Request | None:
        """The request of that id, while it is not over."""
        return self._requests.get(msg_id)

    def sent(self, message: Message) -> None:
        """`message` goes to the kernel's shell."""
        self._requests[message.msg_id] = Request(
            header=message.header, executes=message.msg_type in EXECUTIONS
        )

    def replied(self, reply: Message) -> Ending:
        """The kernel answered on shell."""
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
        """The kernel said on iopub that it is done with a request."""
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

    def abandon(self) -> tuple[Message, ...]:
        """The kernel is gone: the ends that were kept back, in order."""
        kept = [
            end
            for request in self._requests.values()
            for end in (request.reply and request.announced(request.reply), request.idle)
        ]
        self._requests.clear()
        self._kept = 0
        return tuple(end for end in kept if end is not None)

    def _keep(self, end: Message, before: Message | None) -> bool:
        """Whether there is room for an end, in place of the one before."""
        kept = self._kept + end.size - (before.size if before is not None else 0)
        if kept > self.most:
            return False
        self._kept = kept
        return True

    def _over(self, msg_id: str, ends: tuple[Message, ...]) -> Ending:
        request = self._requests.pop(msg_id)
        self._kept -= sum(end.size for end in (request.reply, request.idle) if end is not None)
        return Ending(ends, over=True, executed=request.executes)
