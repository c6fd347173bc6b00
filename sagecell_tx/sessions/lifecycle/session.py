"""A session: one kernel's life and its bridge, as the rest of the program sees them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from sagecell_tx.limits import Limits
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.interfaces import (
    Exit,
    FileStore,
    Host,
    Kernel,
    Listener,
    SessionEnded,
    StartFailed,
)
from sagecell_tx.sessions.lifecycle.bridge import Bridge
from sagecell_tx.sessions.lifecycle.idletimeout import IdleTimeout
from sagecell_tx.sessions.lifecycle.machine import Core, Life, new_life
from sagecell_tx.sessions.lifecycle.programsample import ProgramSample
from sagecell_tx.sessions.lifecycle.restart import Restart
from sagecell_tx.sessions.lifecycle.runpermalinks import RunPermalinks
from sagecell_tx.sessions.lifecycle.start import KernelStart
from sagecell_tx.sessions.lifecycle.uploads import Uploads
from sagecell_tx.sessions.listeners.audience import Attachment, Audience
from sagecell_tx.sessions.metrics import Traffic
from sagecell_tx.sessions.originator import Originator
from sagecell_tx.sessions.spec import KernelSpec
from sagecell_tx.sessions.waiters import OneShot
from sagecell_tx.wire.messages import CONTROL, IOPUB, Message

_log = Logger()


@define(kw_only=True, eq=False)
class Session:
    """One visitor's kernel, as transports use it. Implements the `Effects` of the kernel's life.

    `timeout` is the idle timeout that the client requested, in seconds; see `IdleTimeout`. In a
    `lasting` session it counts from the last activity, and a listener that comes back is none.
    Programs that do not say their language are in `language`, unless that is empty.
    `on_settled` is called once for each start, when it has succeeded or failed; `on_request` when a request
    is in flight after none was, `on_rest` when none is any more or none will be; `on_stopping` at most once,
    when the kernel begins to stop; `on_dead` once, after the listeners were notified and before
    `when_ready` and `when_dead` fire. `turn_to_restart` fires when the kernel may be started again, and fails
    if it may not.
    """

    kernel_id: str
    spec: KernelSpec
    host: Host
    files: FileStore
    permalinks: RunPermalinks
    limits: Limits
    clock: IReactorTime
    originator: Originator
    on_settled: Callable[[Session], None]
    on_stopping: Callable[[Session], None]
    on_dead: Callable[[Session, Reason], None]
    timeout: float
    on_request: Callable[[], None] = lambda: None
    on_rest: Callable[[], None] = lambda: None
    on_slice_over: Callable[[], None] = lambda: None
    turn_to_restart: Callable[[], Deferred[None]] = lambda: succeed(None)
    lasting: bool = False
    language: str = ""
    traffic: Traffic = field(factory=Traffic)
    sample: ProgramSample = field(factory=ProgramSample)
    began: float = field(init=False)  # by `clock`
    _idle_timeout: IdleTimeout = field(init=False)
    _life: Life = field(init=False)
    _bridge: Bridge = field(init=False)
    _start: KernelStart = field(init=False)
    _restart: Restart | None = field(default=None, init=False)  # the one that is under way
    _ending: bool = field(default=False, init=False)
    _dead: OneShot[Reason] = field(factory=OneShot, init=False)

    def __attrs_post_init__(self) -> None:
        self.began = self.clock.seconds()
        kernel_id, limits = self.kernel_id, self.limits
        uploads = Uploads(
            kernel_id=kernel_id, store=self.files, limits=limits.files, refuse=self._refuse
        )
        self._idle_timeout = IdleTimeout(seconds=self.timeout, limits=limits.lifetime)
        core = Core(
            clock=self.clock,
            limits=limits.lifetime,
            effects=self,
            idle=self._idle_deadline,
            detached=self._detached_deadline,
        )
        self._life = new_life(core)
        self._bridge = Bridge(
            kernel_id=kernel_id,
            clock=self.clock,
            lifetime=limits.lifetime,
            messages=limits.messages,
            uploads=uploads,
            permalinks=self.permalinks,
            originate=self.originate,
            life=self._life,
            idle_timeout=self._idle_timeout,
            language=self.language,
            traffic=self.traffic,
            sample=self.sample,
            on_slice_over=self.on_slice_over,
        )
        self._start = self._new_start()

    def _new_start(self) -> KernelStart:
        return KernelStart(
            kernel_id=self.kernel_id,
            spec=self.spec,
            seconds=self.limits.lifetime.start_seconds,
            on_up=self._came_up,
            on_failed=partial(self._life.stop, Reason.CRASHED),
        )

    # --- for the transports

    def start(self) -> None:
        """Ask the host for a kernel."""
        self._life.begin()
        try:
            settled = self._start.begin(self.host, self._bridge)
        except Exception:
            # A host that raises has started nothing, and will not call `kernel_ended`.
            _log.failure("{kernel}: start failed", kernel=self.kernel_id)
            self._life.ended(Exit())
            self.on_settled(self)
        else:
            settled.addErrback(lambda failure: _log.failure("handling a start failed", failure))
            settled.addCallback(lambda _: self.on_settled(self))

    def when_ready(self) -> Deferred[None]:
        """Fires when the kernel is up; fails with `StartFailed` if the start fails or times out.

        Each call gives a Deferred of its own; cancelling it cancels nothing else.
        """
        return self._start.when_ready()

    def when_dead(self) -> Deferred[Reason]:
        """Fires with the reason when the kernel, its processes and its directory are gone.

        Each call gives a Deferred of its own; cancelling it cancels nothing else.
        """
        return self._dead.when_fired()

    def attach(
        self,
        listener: Listener,
        name: str | None = None,
        after: int | None = None,
        *,
        addressed: bool = False,
    ) -> Attachment:
        """Let `listener` read the kernel's messages, even after the end, and send to the kernel.

        With a `name`, it listens for the resumable client of that name; see `Audience.attach`.
        """
        return self.audience.attach(listener, name, after, addressed=addressed)

    def send(self, message: Message) -> None:
        """Send a message of a client, which need not have a listener; raises `Undeliverable`."""
        self._bridge.send(message)

    def when_read(self) -> Deferred[None] | None:
        """Fires when a client that sends much may go on; None for at once. See `Unread.when_read`."""
        return self._bridge.unread.when_read()

    @property
    def running(self) -> bool:
        """Whether there is a kernel to send to."""
        return self._bridge.connected

    @property
    def ending(self) -> bool:
        """Whether the session was stopped, or has ended by itself."""
        return self._ending

    @property
    def execution_state(self) -> str:
        """The kernel's state in the words of Jupyter: starting, idle, busy or dead."""
        if self.audience.closed:
            return "dead"
        if not self.running:
            return "starting"
        return "busy" if self._bridge.busy else "idle"

    @property
    def last_activity(self) -> float:
        """When a request was last sent to the kernel or ended, by `clock`; now while it is busy."""
        return self._bridge.last_activity

    @property
    def kernel_session(self) -> str:
        """What the kernel calls its session in its messages' headers; our id until it has said so."""
        return self._bridge.kernel_session or self.kernel_id

    @property
    def saved_files(self) -> list[str]:
        """The names of the files that were saved, in the order in which they were first."""
        return self._bridge.uploads.saved

    @property
    def saved_bytes(self) -> int:
        """The bytes of the files that were saved; those of one that changed count each time."""
        return self._bridge.uploads.stored

    @property
    def machine(self) -> str:
        """The name of the machine of its kernel; without one that of the server."""
        return self._bridge.machine

    @property
    def unread(self) -> int:
        """The bytes of messages that the kernel has not read."""
        return self._bridge.unread.size()

    @property
    def kept(self) -> int:
        """The bytes of the kernel's messages that are kept for clients."""
        return self._bridge.kept

    @property
    def audience(self) -> Audience:
        """The listeners, and the clients that may come back."""
        return self._bridge.audience

    def stop(self, reason: Reason) -> None:
        """End the session; its listeners are sent the reason."""
        self._life.stop(reason)

    def abandon(self, reason: Reason) -> None:
        """End the session at once, without what its kernel has sent and nobody has read.

        Listeners are closed with the reason, which is one of `AT_ONCE`, even if the session was ending for another.
        """
        self._life.stop(reason)
        self._bridge.abandon(reason.value)

    def restart(self) -> Deferred[None]:
        """Replace the kernel's process; its id, listeners, messages and place stay.

        Fires when the new process is up. Fails with `Refused` if no kernel may be started now, and nothing has
        changed; with `StartFailed` if the new process does not start, which ends the session; or with
        `SessionEnded` if the session ends by something else. Callers that ask meanwhile share one
        restart, and one during the first start waits for that. Cancelling it cancels nothing else.
        """
        if self._ending:
            return fail(SessionEnded("The session has ended."))
        if self._restart is None:
            if not self.running:
                return self.when_ready()
            self._restart = restart = Restart()
            turn = self.turn_to_restart()
            turn.addCallbacks(lambda _: self._have_turn(restart), self._restart_failed)
            turn.addErrback(lambda failure: _log.failure("a restart failed", failure))
            return restart.when_over()
        return self._restart.when_over()

    def interrupt(self) -> None:
        """Interrupt what the kernel is running; if that has no effect, the kernel is killed."""
        self._bridge.interrupt()

    def expect_no_execution(self) -> None:
        """Apply the idle timeout at once: nothing will be executed."""
        self._idle_timeout.take_effect()

    def originate(self, msg_type: str, content: dict[str, Any], parent_header: bytes) -> Message:
        """An iopub message as if from the kernel."""
        return self.originator.originate(
            IOPUB, msg_type, content, session=self.kernel_id, parent_header=parent_header
        )

    # --- Effects

    def work_began(self) -> None:
        """See `Effects.work_began`."""
        self.on_request()

    def work_finished(self) -> None:
        """See `Effects.work_finished`."""
        self.on_rest()

    def ask_to_stop(self, reason: Reason) -> None:
        """See `Effects.ask_to_stop`."""
        self._ending = True
        if self.running:
            self.on_rest()
        self.on_stopping(self)
        if not self.running:
            self._start.give_up(timed_out=reason is Reason.CRASHED)
            return
        # Without a session id, which the kernel does not need.
        request = self.originator.originate(CONTROL, "shutdown_request", {"restart": False})
        self._bridge.shut_down(request)

    def ask_to_restart(self) -> None:
        """See `Effects.ask_to_restart`."""
        self._start = self._new_start()
        self._bridge.replace(
            self.originator.originate(
                CONTROL, "shutdown_request", {"restart": True}, session=self.kernel_id
            )
        )

    def start_again(self) -> None:
        """See `Effects.start_again`."""
        assert self._restart is not None, "the life restarts only when it is told to"
        self._restart.holds_turn = False  # `on_settled` follows
        self._bridge.begin_again()
        self._start.when_ready().addCallbacks(self._restarted, self._restart_failed)
        self.start()

    def kill(self) -> None:
        """See `Effects.kill`."""
        self._bridge.kill()

    def warn(self, reason: Reason, seconds: float) -> None:
        """See `Effects.warn`. The warning is published, which may also be for a reason of the server's."""
        self._bridge.warn(reason, seconds)

    def died(self, reason: Reason) -> None:
        """See `Effects.died`. Publishes the end and fires `when_dead`."""
        self._ending = True
        content = {
            "execution_state": "dead",
            "reason": reason.value,
            "message": reason.sentence,
        }
        self._bridge.publish("status", content)
        self._bridge.close(reason.value)
        self.on_dead(self, reason)
        self.on_rest()
        self._start.close(reason.sentence)
        failed = StartFailed if reason is Reason.CRASHED else SessionEnded
        self._restart_failed(Failure(failed(reason.sentence)))
        self._dead.fire(reason)

    # --- callbacks of its parts

    def _came_up(self, kernel: Kernel) -> None:
        self._life.started()
        self._bridge.connect(kernel)

    def _have_turn(self, restart: Restart) -> None:
        if self._restart is not restart:
            self.on_settled(self)  # the session has ended meanwhile
            return
        restart.holds_turn = True
        self._life.restart()

    def _restarted(self, _: None) -> None:
        self._end_restart(None)

    def _restart_failed(self, failure: Failure) -> None:
        self._end_restart(failure)

    def _end_restart(self, failure: Failure | None) -> None:
        restart, self._restart = self._restart, None
        if restart is not None:
            if restart.holds_turn:
                self.on_settled(self)
            restart.end(failure)

    def _idle_deadline(self) -> float:
        seconds = self._idle_timeout.deadline()
        if not self.lasting:
            return seconds
        return max(0.0, seconds - (self.clock.seconds() - self.last_activity))

    def _detached_deadline(self) -> float:
        """Seconds; resumable clients are given time to find a network again."""
        limits = self.limits.lifetime
        return limits.resumable_seconds if self.audience.awaits_return else limits.detached_seconds

    def _refuse(self, sentence: str, parent_header: bytes) -> None:
        text = f"{sentence}\n"
        self._bridge.publish("stream", {"name": "stderr", "text": text}, parent_header)
