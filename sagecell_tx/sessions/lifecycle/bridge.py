"""What goes where between one kernel and those who listen to it.

Kernel to listeners: everything is told to the audience, whose members take it at their own
pace; only status messages, the ends of requests and the few messages meant for the server
are looked into. Listeners to kernel: requests are noted as in flight and sent on, and an
interrupt is watched until what it was meant for is over.

The kernel is held (its publishing is not read, and soon it waits) while too much waits to
be taken or a file of its is being stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sagecell_tx.limits import LifetimeLimits, MessageLimits
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.interfaces import Exit, Kernel
from sagecell_tx.sessions.lifecycle.idletimeout import IdleTimeout
from sagecell_tx.sessions.lifecycle.machine import Life
from sagecell_tx.sessions.lifecycle.uploads import MSG_TYPE as FILE
from sagecell_tx.sessions.lifecycle.uploads import UploadOutcome, Uploads
from sagecell_tx.sessions.listeners.audience import Audience
from sagecell_tx.sessions.listeners.flowcontrol import Valve
from sagecell_tx.sessions.requests.inflight import Ending, InFlight, Request
from sagecell_tx.sessions.requests.interrupts import Interruptions
from sagecell_tx.sessions.requests.notices import asked_timeout, is_idle
from sagecell_tx.wire.messages import CONTROL, IOPUB, SHELL, Message

_log = Logger()

#: Requests that one kernel may have in flight.
REQUESTS = 1000

#: What passes even when an execution has said all that it may.
_ALWAYS = frozenset({"status", "error", "execute_input"})

#: Makes a message on behalf of the kernel: type, content, parent header.
Originate = Callable[[str, dict[str, Any], bytes], Message]


class Undeliverable(Exception):
    """A request that is not sent on. `code` is for programs, the text a sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@define(kw_only=True, eq=False)
class Bridge:
    """Joins one kernel with its listeners, and tells the kernel's life what happens on both sides.

    It is the kernel's observer.
    """

    kernel_id: str
    clock: IReactorTime
    lifetime: LifetimeLimits
    messages: MessageLimits
    uploads: Uploads
    originate: Originate
    life: Life
    idle_timeout: IdleTimeout
    audience: Audience = field(init=False)
    _kernel: Kernel | None = field(default=None, init=False)
    _in_flight: InFlight = field(init=False)
    _interruptions: Interruptions = field(init=False)
    _valve: Valve = field(factory=Valve, init=False)
    _storing: Deferred[Any] | None = field(default=None, init=False)
    _shutdown_id: str | None = field(default=None, init=False)
    _stray: int = field(default=0, init=False)  # bytes said on behalf of no request

    def __attrs_post_init__(self) -> None:
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
        self._interruptions = Interruptions(
            clock=self.clock,
            grace=self.lifetime.interrupt_grace_seconds,
            insist=self._interrupt_again,
            give_up=self._kill_stubborn,
        )

    def connect(self, kernel: Kernel) -> None:
        """The kernel is up. Its life is told if somebody listens already."""
        self._kernel = kernel
        self._valve.connect(kernel)
        if self.audience.present:
            self.life.listener_came()

    @property
    def connected(self) -> bool:
        """There is a kernel."""
        return self._kernel is not None

    # --- listeners

    def _attended(self) -> None:
        self.life.listener_came()
        if self._in_flight:
            self.life.work_began()

    def send(self, message: Message) -> None:
        """Pass a message on to the kernel, if there is one; raises `Undeliverable`."""
        if self._kernel is None or self.audience.closed:
            return
        if message.channel == SHELL:
            self._note(message)
        elif message.channel == CONTROL and message.msg_type == "interrupt_request":
            self._interruptions.begin(self._in_flight.running)
        self._kernel.send(message)

    def _note(self, request: Message) -> None:
        """A request is about to be in flight; raises `Undeliverable` if it cannot be."""
        if request.msg_id in self._in_flight:
            raise Undeliverable(
                "duplicate_msg_id", "A request with this msg_id is still being answered."
            )
        if len(self._in_flight) >= REQUESTS:
            raise Undeliverable("too_many_requests", "Too many requests are waiting for an answer.")
        self._in_flight.sent(request)
        if len(self._in_flight) == 1:
            self.life.work_began()

    # --- for the session

    def interrupt(self) -> None:
        """Interrupt what the kernel runs, as if a client had asked for it."""
        if self._kernel is not None:
            self._interruptions.begin(self._in_flight.running)
            self._kernel.interrupt()

    def shut_down(self, shutdown: Message) -> None:
        """Ask the kernel to end itself; how it answers to that is nobody's business."""
        self._interruptions.end()
        self._shutdown_id = shutdown.msg_id
        if self._kernel is not None:
            self._kernel.send(shutdown)

    def kill(self) -> None:
        """Kill the kernel, if there is one."""
        if self._kernel is not None:
            self._kernel.kill()

    def publish(self, msg_type: str, content: dict[str, Any], parent_header: bytes = b"{}") -> None:
        """Say something to all listeners on behalf of the kernel."""
        self.audience.publish(self.originate(msg_type, content, parent_header))

    def warn(self, reason: Reason, seconds: float) -> None:
        """Tell everybody that the kernel will have to go, in so many seconds and why."""
        content = {"reason": reason.value, "seconds": seconds, "message": reason.warning(seconds)}
        self.publish("sagecell_warning", content)

    def close(self, reason: str) -> None:
        """Nothing more will be said. Listeners are closed once they have taken everything."""
        self.audience.close(reason)

    def _interrupt_again(self) -> None:
        if self._kernel is not None:
            self._kernel.interrupt()

    def _kill_stubborn(self) -> None:
        """Nothing short of its end stops the kernel; being asked to go has no grace either."""
        _log.info("{kernel}: killed, it ignores interrupts", kernel=self.kernel_id)
        self.life.stop(Reason.STOPPED)
        self.kill()

    # --- KernelObserver

    def message_received(self, message: Message) -> None:
        """The kernel said `message`."""
        if self._shutdown_id is not None and message.parent_id == self._shutdown_id:
            return
        if message.channel == IOPUB:
            self._published(message)
        elif message.channel == SHELL:
            self._interruptions.finished(message.parent_id)
            self._end(self._in_flight.replied(message))
        else:
            self.audience.publish(message)

    def heartbeat_missed(self) -> None:
        """The kernel hangs: not even its heartbeat thread answers."""
        _log.warn("{kernel}: no heartbeat", kernel=self.kernel_id)
        self.life.stop(Reason.CRASHED)

    def limit_near(self, reason: str, seconds: float) -> None:
        """The host will end the kernel before long."""
        if reason == Reason.CPU.value:
            self.warn(Reason.CPU, seconds)

    def kernel_ended(self, how: Exit) -> None:
        """The kernel is gone. Its life ends when what it said last is stored and on its way."""
        self._kernel = None
        self._interruptions.end()
        self._valve.disconnect()
        storing = self._storing if self._storing is not None else succeed(None)
        settled = storing.addCallback(self._settle)
        settled.addErrback(lambda failure: _log.failure("settling a session", failure))
        settled.addCallback(lambda _: self.life.ended(how))

    def _settle(self, _: None) -> Deferred[None]:
        self.audience.publish(*self._in_flight.abandon())
        return self.uploads.close()

    # --- what the kernel says

    def _published(self, message: Message) -> None:
        kind = message.msg_type
        if kind == "status" and is_idle(message):
            self._interruptions.finished(message.parent_id)
            self._end(self._in_flight.went_idle(message))
        elif kind == FILE:
            self._store(message)
        elif kind == "kernel_timeout":
            self._change_timeout(message)
        elif kind != "iopub_welcome" and self._may_publish(message):
            self.audience.publish(message)

    def _end(self, ending: Ending) -> None:
        self.audience.publish(*ending.messages)
        if ending.executed:
            self.idle_timeout.take_effect()
        if ending.over and not self._in_flight:
            self._work_finished()

    def _work_finished(self) -> None:
        """No request is in flight any more."""
        if self.idle_timeout.ends_with_work:
            self.life.stop(Reason.FINISHED)
        else:
            self.life.work_finished()

    def _may_publish(self, message: Message) -> bool:
        """Count `message` against its execution's output; the first one over it is announced."""
        if message.msg_type in _ALWAYS:
            return True
        request, most = self._in_flight.get(message.parent_id), self.messages.output_bytes
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
        """The program asks to be kept for a while; only a number from 0 up is heeded."""
        seconds = asked_timeout(message)
        if seconds is not None:
            self.idle_timeout.change(seconds)

    def _store(self, message: Message) -> None:
        """A piece of a file: nothing that follows it is told before it is stored."""
        self._valve.hold("file")
        self._storing = stored = self.uploads.receive(message)
        stored.addErrback(lambda failure: _log.failure("storing a file", failure))
        stored.addCallback(self._stored, self._in_flight.get(message.parent_id))

    def _stored(self, outcome: UploadOutcome | None, request: Request | None) -> None:
        self._storing = None
        if outcome is not None and request is not None:
            request.note_file(outcome.name, saved=outcome.saved)
        self._valve.release("file")
