"""What goes where between one kernel and those who listen to it.

Kernel to listeners: everything goes into the outbox and each listener takes from it; only
status messages, the ends of requests and the few messages meant for the server are looked
into. Listeners to kernel: requests are noted as in flight and sent on.

The kernel is held (its publishing is not read, and soon it waits) while the outbox is full
or a file of its is being stored.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from sagecell_tx.config import Limits
from sagecell_tx.sessions.inflight import Ending, InFlight
from sagecell_tx.sessions.interfaces import Kernel, Listener
from sagecell_tx.sessions.outbox import Cursor, Outbox
from sagecell_tx.sessions.uploads import MSG_TYPE as FILE
from sagecell_tx.sessions.uploads import Uploads
from sagecell_tx.sessions.valve import Valve
from sagecell_tx.wire.messages import IOPUB, SHELL, Message, WireError

_log = Logger()

#: Requests that one kernel may have in flight.
REQUESTS = 1000

#: What passes even when an execution has said all that it may.
_ALWAYS = frozenset({"status", "error", "execute_input"})

#: Says something to the listeners on behalf of the kernel: type, content, parent header.
Say = Callable[[str, dict[str, Any], bytes], Message]


class Undeliverable(Exception):
    """A request that is not sent on. `code` is for programs, the text a sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Watcher(Protocol):
    """Who is told how busy and how lonely the kernel is."""

    def listener_came(self) -> None:
        """Somebody listens, after nobody did."""

    def listeners_left(self) -> None:
        """Nobody listens any more."""

    def work_began(self) -> None:
        """A request is in flight, after none was."""

    def execution_finished(self) -> None:
        """A request that runs the visitor's code is over."""

    def work_finished(self) -> None:
        """No request is in flight any more."""

    def timeout_changed(self, seconds: float) -> None:
        """The program asked to be kept for so long after its work; may be infinite."""


@define(eq=False)
class Attachment:
    """One listener's hold on a session."""

    _bridge: Bridge
    _listener: Listener
    _cursor: Cursor
    _last_take: float
    _waiting: bool = field(default=True, init=False)  # took all there was

    def take(self, room: int) -> list[Message]:
        """The next messages: at least one if there is any, about `room` bytes at most.

        An empty list means that `Listener.wake` will be called when there is more.
        """
        return self._bridge.take(self, room)

    def send(self, message: Message) -> None:
        """Pass a client's message on to the kernel; raises `Undeliverable`."""
        self._bridge.send(message)

    def detach(self) -> None:
        """The listener is gone. A second time changes nothing."""
        self._bridge.detach(self)


@define(kw_only=True)
class Bridge:
    """Joins one kernel with its listeners."""

    kernel_id: str
    clock: IReactorTime
    limits: Limits
    uploads: Uploads
    say: Say
    watcher: Watcher
    _outbox: Outbox = field(init=False)
    _kernel: Kernel | None = field(default=None, init=False)
    _in_flight: InFlight = field(factory=InFlight, init=False)
    _attached: list[Attachment] = field(factory=list, init=False)
    _valve: Valve = field(factory=Valve, init=False)
    _storing: Deferred[None] | None = field(default=None, init=False)
    _stall: IDelayedCall | None = field(default=None, init=False)
    _stray: int = field(default=0, init=False)  # bytes said on behalf of no request
    _closed: str | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._outbox = Outbox(self.limits.outbox)

    def connect(self, kernel: Kernel) -> None:
        """The kernel is up."""
        self._kernel = kernel
        self._valve.connect(kernel)

    # --- listeners

    def attach(self, listener: Listener) -> Attachment:
        """Let `listener` take part. What nobody has taken so far is its to take."""
        attachment = Attachment(self, listener, self._outbox.open(), self.clock.seconds())
        self._attached.append(attachment)
        if len(self._attached) == 1:
            self.watcher.listener_came()
            if self._in_flight:
                self.watcher.work_began()
        return attachment

    def detach(self, attachment: Attachment) -> None:
        """Let a listener go."""
        if attachment not in self._attached:
            return
        self._attached.remove(attachment)
        self._outbox.close(attachment._cursor)
        self._read_on()
        if not self._attached:
            self.watcher.listeners_left()

    def take(self, attachment: Attachment, room: int) -> list[Message]:
        """See `Attachment.take`."""
        if attachment not in self._attached:
            return []
        messages = self._outbox.take(attachment._cursor, room)
        attachment._waiting = not messages
        if messages:
            attachment._last_take = self.clock.seconds()
            self._read_on()
        elif self._closed is not None:
            self.detach(attachment)
            attachment._listener.close(self._closed)
        return messages

    def send(self, message: Message) -> None:
        """See `Attachment.send`."""
        if self._kernel is None or self._closed is not None:
            return
        if message.channel == SHELL:
            if message.msg_id in self._in_flight:
                raise Undeliverable(
                    "duplicate_msg_id", "A request with this msg_id is still being answered."
                )
            if len(self._in_flight) >= REQUESTS:
                raise Undeliverable(
                    "too_many_requests", "Too many requests are waiting for an answer."
                )
            self._in_flight.sent(message)
            if len(self._in_flight) == 1:
                self.watcher.work_began()
        self._kernel.send(message)

    def close(self, reason: str) -> None:
        """Nothing more will be said. Listeners are closed once they have taken everything."""
        if self._closed is not None:
            return
        self._closed = reason
        self._wake()

    # --- the kernel

    def message_received(self, message: Message) -> None:
        """The kernel said something."""
        if message.channel == IOPUB:
            self._published(message)
        elif message.channel == SHELL:
            ending = self._in_flight.replied(message)
            self._end(ending)
        else:
            self._tell(message)

    def kernel_ended(self) -> Deferred[None]:
        """The kernel says nothing more. Fires when what it said is stored and on its way."""
        self._tell(*self._in_flight.abandon())
        storing = self._storing if self._storing is not None else succeed(None)
        return storing.addCallback(lambda _: self.uploads.close())

    def tell(self, msg_type: str, content: dict[str, Any], parent_header: bytes = b"{}") -> None:
        """Say something to all listeners on behalf of the kernel."""
        self._tell(self.say(msg_type, content, parent_header))

    def _published(self, message: Message) -> None:
        kind = message.msg_type
        if kind == "status" and _is_idle(message):
            ending = self._in_flight.went_idle(message)
            self._end(ending)
        elif kind == FILE:
            self._store(message)
        elif kind == "kernel_timeout":
            self._change_timeout(message)
        elif kind != "iopub_welcome" and self._may_say(message):
            self._tell(message)

    def _end(self, ending: Ending) -> None:
        self._tell(*ending.messages)
        if ending.executed:
            self.watcher.execution_finished()
        if ending.over and not self._in_flight:
            self.watcher.work_finished()

    def _tell(self, *messages: Message) -> None:
        for message in messages:
            self._outbox.append(message)
        if messages:
            self._wake()
            if self._outbox.full:
                self._valve.hold("outbox")
                self._watch_for_stalls()

    def _wake(self) -> None:
        for attachment in list(self._attached):
            if attachment._waiting:
                attachment._listener.wake()

    def _may_say(self, message: Message) -> bool:
        """Count `message` against its execution's output; the first one over it is announced."""
        if message.msg_type in _ALWAYS:
            return True
        request = self._in_flight.get(message.parent_id)
        if request is None:
            before, self._stray = self._stray, self._stray + message.size
            over, said_so = self._stray > self.limits.output, before > self.limits.output
        else:
            request.said += message.size
            over, said_so = request.said > self.limits.output, request.silenced
            request.silenced = over
        if over and not said_so:
            megabytes = self.limits.output / 2**20
            text = f"\n[The output is longer than {megabytes:.0f} MB; the rest is not shown.]\n"
            self.tell("stream", {"name": "stderr", "text": text}, message.parent_header)
        return not over

    def _change_timeout(self, message: Message) -> None:
        """The program asks to be kept for a while; only a number from 0 up is heeded."""
        seconds: object
        try:
            seconds = message.parsed_content().get("timeout")
        except WireError:
            # JSON has no infinity, but Python's writer of it has, and programs ask for it.
            seconds = math.inf if b"Infinity" in message.content else None
        if isinstance(seconds, int | float) and seconds >= 0:
            self.watcher.timeout_changed(float(seconds))

    # --- holding the kernel

    def _store(self, message: Message) -> None:
        """A piece of a file: nothing that follows it is told before it is stored."""
        self._valve.hold("file")
        self._storing = self.uploads.receive(message)
        self._storing.addCallback(self._stored)
        self._storing.addErrback(lambda failure: _log.failure("storing a file", failure))

    def _stored(self, _: None) -> None:
        self._storing = None
        self._valve.release("file")

    def _read_on(self) -> None:
        if self._outbox.drained:
            self._valve.release("outbox")
            if self._stall is not None and self._stall.active():
                self._stall.cancel()

    def _watch_for_stalls(self) -> None:
        if self._stall is None or not self._stall.active():
            self._stall = self.clock.callLater(self.limits.stalled, self._let_stalled_go)

    def _let_stalled_go(self) -> None:
        """The outbox is full: whoever has taken nothing for long keeps the others waiting."""
        long_ago = self.clock.seconds() - self.limits.stalled
        for attachment in list(self._attached):
            if self._outbox.behind(attachment._cursor) and attachment._last_take <= long_ago:
                _log.info("{kernel}: a listener takes nothing and is let go", kernel=self.kernel_id)
                self.detach(attachment)
                attachment._listener.close("stalled")
        if self._attached and self._outbox.full:
            self._watch_for_stalls()


def _is_idle(status: Message) -> bool:
    try:
        return status.parsed_content().get("execution_state") == "idle"
    except WireError:
        return False
