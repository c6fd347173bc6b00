"""The message flow between one kernel and its listeners.

Kernel to listeners: messages are published to the audience, whose members read at their own
pace; only status messages, replies and the few messages meant for the server are examined.
Listeners to kernel: requests are recorded as in flight and sent on, and an interrupt is watched
until the interrupted executions have ended.

The kernel is paused (its iopub channel is not read, so that it soon blocks) while too many
messages wait to be read, or while a file of the kernel is being stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sagecell_tx.limits import LifetimeLimits, MessageLimits
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.interfaces import LOCAL, Exit, Kernel
from sagecell_tx.sessions.lifecycle.idletimeout import IdleTimeout
from sagecell_tx.sessions.lifecycle.machine import Life
from sagecell_tx.sessions.lifecycle.programsample import ProgramSample
from sagecell_tx.sessions.lifecycle.runpermalinks import MSG_TYPE as PERMALINK
from sagecell_tx.sessions.lifecycle.runpermalinks import RunPermalinks
from sagecell_tx.sessions.lifecycle.unread import Unread
from sagecell_tx.sessions.lifecycle.uploads import MSG_TYPE as FILE
from sagecell_tx.sessions.lifecycle.uploads import UploadOutcome, Uploads
from sagecell_tx.sessions.listeners.audience import Audience
from sagecell_tx.sessions.listeners.flowcontrol import Valve
from sagecell_tx.sessions.metrics import Traffic
from sagecell_tx.sessions.requests.held import HeldRequests
from sagecell_tx.sessions.requests.inflight import Ending, InFlight, Request
from sagecell_tx.sessions.requests.interrupts import Interruptions
from sagecell_tx.sessions.requests.notices import asked_timeout, in_language, is_idle
from sagecell_tx.wire.jsonbounds import HEADER_MARKS
from sagecell_tx.wire.messages import (
    CONTROL,
    IOPUB,
    SHELL,
    STDIN,
    Message,
    WireError,
    is_name,
    parse_object,
)

_log = Logger()

#: Requests that one kernel may have in flight.
REQUESTS = 1000

#: Messages that are published even when an execution has reached its limit of output: together, they
#: have as many bytes again.
_APART = frozenset({"error", "execute_input"})

#: Creates a message on behalf of the kernel: type, content, parent header.
Originate = Callable[[str, dict[str, Any], bytes], Message]


class Undeliverable(Exception):
    """A request that cannot be sent to the kernel. `code` is for programs, the text for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@define(kw_only=True, eq=False)
class Bridge:
    """Connects one kernel with its listeners, and reports events on both sides to its life.

    Implements `KernelObserver`.
    """

    kernel_id: str
    clock: IReactorTime
    lifetime: LifetimeLimits
    messages: MessageLimits
    uploads: Uploads
    permalinks: RunPermalinks
    originate: Originate
    life: Life
    idle_timeout: IdleTimeout
    language: str = ""  # of programs that do not say theirs; empty: the kernel's own
    traffic: Traffic = field(factory=Traffic)
    sample: ProgramSample = field(factory=ProgramSample)
    on_slice_over: Callable[[], None] = lambda: None
    audience: Audience = field(init=False)
    unread: Unread = field(init=False)
    _kernel: Kernel | None = field(default=None, init=False)
    _in_flight: InFlight = field(init=False)
    _interruptions: Interruptions = field(init=False)
    _valve: Valve = field(factory=Valve, init=False)
    _storing: Deferred[Any] | None = field(default=None, init=False)
    _shutdown_ids: set[str] = field(factory=set, init=False)
    # The shutdown_request of a restart that is under way.
    _replacing: Message | None = field(default=None, init=False)
    _is_abandoned: bool = field(default=False, init=False)  # nothing more is taken from the kernel
    _held: HeldRequests = field(init=False)  # for the process that is coming
    _stray: int = field(default=0, init=False)  # bytes of output that belong to no request
    _status_header: bytes = field(default=b"{}", init=False)  # of the kernel's last status
    _last_answer: str = field(default="", init=False)  # the msg_id of the last input_reply
    _stray_apart: int = field(default=0, init=False)  # the same of errors
    _last_activity: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._last_activity = self.clock.seconds()
        self._in_flight = InFlight(2 * self.messages.kernel_message_bytes)
        self.audience = Audience(
            kernel_id=self.kernel_id,
            clock=self.clock,
            lifetime=self.lifetime,
            messages=self.messages,
            valve=self._valve,
            send=self.send,
            on_attended=self._attended,
            on_deserted=self.life.listeners_left,
        )
        self.unread = Unread(clock=self.clock, size=self._unread_bytes)
        self._held = HeldRequests(self.messages.message_log_bytes)
        self._interruptions = self._new_interruptions()

    def _new_interruptions(self) -> Interruptions:
        return Interruptions(
            clock=self.clock,
            grace=self.lifetime.interrupt_grace_seconds,
            reads=lambda: self._valve.is_open,
            insist=self._interrupt_again,
            give_up=self._kill_stubborn,
        )

    def connect(self, kernel: Kernel) -> None:
        """Connect the kernel, which is up. Its life is notified if there is a listener already."""
        self._kernel = kernel
        self._last_activity = self.clock.seconds()
        self._valve.connect(kernel)
        if self._replacing is not None:
            self._replacing = None
            for state in ("busy", "idle"):
                self.publish("status", {"execution_state": state})
        if self.audience.present:
            self.life.listener_came()
        for message in self._held.take():
            try:
                self.send(message)
            except Undeliverable as error:
                _log.info("{kernel}: {why}", kernel=self.kernel_id, why=error.message)

    @property
    def connected(self) -> bool:
        """Whether there is a kernel."""
        return self._kernel is not None

    @property
    def machine(self) -> str:
        """The name of the machine of its kernel; without one that of the server."""
        return LOCAL if self._kernel is None else self._kernel.machine

    @property
    def kept(self) -> int:
        """The bytes of the kernel's messages that wait: for clients, or for the other end of their requests."""
        return self.audience.unwritten + self._in_flight.kept

    @property
    def busy(self) -> bool:
        """Whether a request is in flight, or a restart under way."""
        return bool(self._in_flight) or self._replacing is not None

    @property
    def last_activity(self) -> float:
        """When a request was last sent or ended, by `clock`; now while one is in flight."""
        return self.clock.seconds() if self.busy else self._last_activity

    @property
    def kernel_session(self) -> str:
        """The session in the header of the kernel's last status; empty if there is none, or a long one."""
        try:
            session = parse_object(self._status_header, HEADER_MARKS).get("session")
        except WireError:
            return ""
        return session if is_name(session) else ""

    # --- listeners

    def _attended(self) -> None:
        self.life.listener_came()
        if self._in_flight:
            self.life.work_began()

    def send(self, message: Message) -> None:
        """Send a message to the kernel, if there is one; raises `Undeliverable`.

        During a restart, requests wait for the new process.
        """
        if self.audience.closed:
            return
        if self._replacing is not None:
            self._hold(message)
            return
        if self._kernel is None:
            return
        if self.unread.is_too_much:
            self._send_unread(message)
            return
        if message.channel == SHELL:
            if self.language and message.msg_type == "execute_request":
                message = in_language(message, self.language)
            self._note(message)
            self.permalinks.begin(message, self.publish)
            self.sample.note(self.kernel_id, message)
        elif message.channel == CONTROL and message.msg_type == "interrupt_request":
            self._interruptions.begin(self._in_flight.running, seen=False)
        elif message.channel == STDIN:
            self._settle_answer(message)
        self.traffic.sent(message)
        self._kernel.send(message)

    def _send_unread(self, message: Message) -> None:
        """Send nothing to a kernel that reads nothing; raises `Undeliverable`. An interrupt needs no message."""
        if message.channel == CONTROL and message.msg_type == "interrupt_request":
            self.interrupt()
            return
        raise Undeliverable(
            "kernel_reads_nothing", "The kernel has not read the messages that were sent before."
        )

    def _unread_bytes(self) -> int:
        return 0 if self._kernel is None else self._kernel.unread

    def _settle_answer(self, answer: Message) -> None:
        """An input_reply; raises `Undeliverable` if a client that reconnected sends it again.

        By now, the program may have asked something else.
        """
        if answer.msg_id == self._last_answer:
            raise Undeliverable("duplicate_msg_id", "An answer with this msg_id has been sent.")
        self._last_answer = answer.msg_id
        self.audience.settle_question()

    def _note(self, request: Message) -> None:
        """Record a request as in flight; raises `Undeliverable` if it cannot be."""
        if request.msg_id in self._in_flight:
            raise Undeliverable(
                "duplicate_msg_id", "A request with this msg_id is still being answered."
            )
        if len(self._in_flight) >= REQUESTS:
            raise Undeliverable("too_many_requests", "Too many requests are waiting for an answer.")
        self._in_flight.sent(request)
        if len(self._in_flight) == 1:
            self.life.work_began()

    def _hold(self, message: Message) -> None:
        if message.channel == SHELL and not self._held.put(message):
            raise Undeliverable("too_many_requests", "Too many requests wait for the restart.")

    # --- for the session

    def replace(self, shutdown: Message) -> None:
        """Send the kernel a shutdown_request; another process is going to replace it."""
        self._replacing = shutdown
        self.publish("status", {"execution_state": "busy"}, shutdown.header)
        self.shut_down(shutdown)

    def begin_again(self) -> None:
        """The earlier process is gone, and its last messages are published."""
        assert self._replacing is not None, "the process is being replaced"
        header = self._replacing.header
        self._shutdown_ids.clear()
        self._interruptions = self._new_interruptions()
        self._stray = self._stray_apart = 0
        self.publish("status", {"execution_state": "idle"}, header)
        self.publish("shutdown_reply", {"status": "ok", "restart": True}, header)
        self.publish("status", {"execution_state": "starting"})

    def interrupt(self) -> None:
        """Interrupt what the kernel runs, by SIGINT."""
        if self._kernel is not None:
            self._interruptions.begin(self._in_flight.running, seen=True)
            self._kernel.interrupt()

    def shut_down(self, shutdown: Message) -> None:
        """Send the kernel a shutdown_request; replies to it are not published."""
        self._interruptions.end()
        self._shutdown_ids.add(shutdown.msg_id)
        if self._kernel is not None:
            self._kernel.send(shutdown)

    def kill(self) -> None:
        """Kill the kernel, if there is one."""
        if self._kernel is not None:
            self._kernel.kill()

    def abandon(self, reason: str) -> None:
        """Kill the kernel, and free all that it has sent and nobody has read; listeners are told the reason."""
        self._is_abandoned = True
        self._in_flight.abandon()
        self.audience.abandon(reason)
        self.kill()

    def publish(self, msg_type: str, content: dict[str, Any], parent_header: bytes = b"{}") -> None:
        """Publish a message to all listeners on behalf of the kernel."""
        self.audience.publish(self.originate(msg_type, content, parent_header))

    def warn(self, reason: Reason, seconds: float) -> None:
        """Warn all listeners that the kernel will be ended in `seconds`, and why."""
        content = {"reason": reason.value, "seconds": seconds, "message": reason.warning(seconds)}
        self.publish("sagecell_warning", content)

    def close(self, reason: str) -> None:
        """End publishing. Listeners are closed once they have read everything."""
        self.audience.close(reason)

    def _interrupt_again(self) -> None:
        """Interrupt what still runs, and end what is over but for a reply.

        A kernel that was interrupted between a cell and its reply may be idle and never send that.
        """
        for request in self._in_flight.unanswered:
            reply = self._abortion(request)
            self._interruptions.finished(reply.parent_id)
            self._end(self._in_flight.replied(reply))
        if self._kernel is not None and self._in_flight.running:
            self._kernel.interrupt()

    def _abortion(self, request: Request) -> Message:
        """The reply to an execution whose own will not come."""
        aborted = self.originate(request.reply_type, {"status": "aborted"}, request.header)
        return attrs.evolve(aborted, channel=SHELL)

    def _kill_stubborn(self) -> None:
        """Kill a kernel that ignores interrupts, without the grace period of a shutdown."""
        _log.info("{kernel}: killed, since it ignores interrupts", kernel=self.kernel_id)
        self.life.stop(Reason.STOPPED)
        self.kill()

    # --- KernelObserver

    def message_received(self, message: Message) -> None:
        """See `KernelObserver.message_received`."""
        if self._is_abandoned:
            return
        self.traffic.received(message)
        self.audience.gather()
        if self._shutdown_ids and message.parent_id in self._shutdown_ids:
            return
        if message.msg_type == PERMALINK:
            return  # only the server sends these: a program could name another one's permalink
        if message.channel == IOPUB:
            self._published(message)
        elif message.channel == SHELL:
            self._interruptions.finished(message.parent_id)
            self._end(self._in_flight.replied(message))
        else:
            if message.msg_type == "interrupt_reply":
                self._interruptions.replied()
            self.audience.publish(message)

    def slice_over(self) -> None:
        """See `KernelObserver.slice_over`. Listeners are woken once for all messages of the slice."""
        self.audience.announce()
        self.on_slice_over()

    def heartbeat_missed(self) -> None:
        """See `KernelObserver.heartbeat_missed`. The session is stopped as crashed."""
        _log.warn("{kernel}: no heartbeat", kernel=self.kernel_id)
        self.life.stop(Reason.CRASHED)

    def limit_near(self, reason: str, seconds: float) -> None:
        """See `KernelObserver.limit_near`. Only the limit of processor time is announced."""
        if reason == Reason.CPU.value:
            self.warn(Reason.CPU, seconds)

    def kernel_ended(self, how: Exit) -> None:
        """See `KernelObserver.kernel_ended`. The life ends when the last messages are published."""
        self._kernel = None
        self._interruptions.end()
        self._valve.disconnect()
        storing = self._storing if self._storing is not None else succeed(None)
        settled = storing.addCallback(self._settle)
        settled.addErrback(lambda failure: _log.failure("the end of a session failed", failure))
        settled.addCallback(lambda _: self.life.ended(how))

    def _settle(self, _: None) -> Deferred[None]:
        self.audience.settle_question()
        if self._replacing is not None:
            self.audience.publish(*self._aborted())
        self.audience.publish(*self._in_flight.abandon())
        return self.uploads.close().addCallback(lambda _: self.permalinks.settle())

    def _aborted(self) -> list[Message]:
        """The ends that a restart gives to requests, whose clients would wait for them for ever."""
        ends = []
        for request in self._in_flight.take_all():
            if request.executes:
                kept = request.reply and request.announced(request.reply)
                ends.append(kept or self._abortion(request))
            idle = self.originate("status", {"execution_state": "idle"}, request.header)
            ends.append(request.idle or idle)
        return ends

    # --- messages from the kernel

    def _published(self, message: Message) -> None:
        kind = message.msg_type
        if kind == "status":
            self._status_header = message.header
        if kind == "status" and is_idle(message):
            self._end(self._in_flight.went_idle(message))
            if message.parent_id not in self._in_flight:
                self._interruptions.finished(message.parent_id)
        elif kind == FILE:
            self._store(message)
        elif kind == "kernel_timeout":
            self._change_timeout(message)
        elif kind != "iopub_welcome" and self._may_publish(message):
            self.audience.publish(message)

    def _end(self, ending: Ending) -> None:
        self.audience.publish(*ending.messages)
        if ending.executed:
            self.audience.settle_question()
            self.idle_timeout.take_effect()
        if ending.over and not self._in_flight:
            self._last_activity = self.clock.seconds()
            self._work_finished()

    def _work_finished(self) -> None:
        """No request is in flight any more."""
        if self._replacing is not None:
            return
        if self.idle_timeout.ends_with_work:
            self.life.stop(Reason.FINISHED)
        else:
            self.life.work_finished()

    def _may_publish(self, message: Message) -> bool:
        """Count `message` as output of its request; the first one over the limit is announced."""
        if message.msg_type == "status":
            return True
        request, most = self._in_flight.get(message.parent_id), self.messages.output_bytes
        if message.msg_type in _APART:
            if request is None:
                self._stray_apart += message.size
                return self._stray_apart <= most
            request.apart_bytes += message.size
            return request.apart_bytes <= most
        if request is None:
            before, self._stray = self._stray, self._stray + message.size
            over, said_so = self._stray > most, before > most
        else:
            request.output_bytes += message.size
            over, said_so = request.output_bytes > most, request.silenced
            request.silenced = over
        if over and not said_so:
            megabytes = most / 2**20
            text = f"\n[The output is longer than {megabytes:.0f} MB; the rest is not shown.]\n"
            self.publish("stream", {"name": "stderr", "text": text}, message.parent_header)
        return not over

    def _change_timeout(self, message: Message) -> None:
        """Set the idle timeout that the program asks for; only a number from 0 up is accepted."""
        seconds = asked_timeout(message)
        if seconds is not None:
            self.idle_timeout.change(seconds)

    def _store(self, message: Message) -> None:
        """Store a piece of a file; what the kernel publishes next is not read before that."""
        self._valve.hold("file")
        self._storing = stored = self.uploads.receive(message)
        stored.addErrback(lambda failure: _log.failure("a file could not be stored", failure))
        stored.addCallback(self._stored, self._in_flight.get(message.parent_id))

    def _stored(self, outcome: UploadOutcome | None, request: Request | None) -> None:
        self._storing = None
        if outcome is not None and request is not None:
            request.note_file(outcome.name, saved=outcome.saved)
        self._valve.release("file")
