"""A kernel as the web process has it; implements `sagecell_tx.sessions.interfaces.Kernel`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from sagecell_tx.hosts.channels.link import KernelLink
from sagecell_tx.hosts.channels.zmqsocket import ZmqSocketFactory
from sagecell_tx.hosts.kernels.processes import KernelProcess, Trouble
from sagecell_tx.hosts.kernels.states import KernelCore, KernelInputs, new_kernel_state
from sagecell_tx.limits import Limits
from sagecell_tx.sessions.interfaces import Exit, Kernel, KernelObserver, StartFailed
from sagecell_tx.wire.messages import Message, WireError

_log = Logger()

#: The ZMQ identity that a kernel sees. The same for all clients, so it reveals nothing about them.
IDENTITY = b"server"

#: For the visitor, whose program is not the cause.
_NOT_STARTED = (
    "This server could not start a kernel for the program; its log says why. "
    "Please try again in a moment."
)

_NOWHERE = (
    "None of the machines that are connected now has what this kernel needs. "
    "Please try again later, or choose another kernel."
)

#: Seconds for reading the last messages of a kernel that has ended.
LAST_WORDS = 5.0

#: `Exit.reason` of a kernel whose machine does not answer any more. Nothing more is read from it.
LOST = "lost"

#: `Exit.reason` of a kernel that was not started, as its kernelspec is nowhere.
NOWHERE = "nowhere"


@frozen(kw_only=True)
class KernelResources:
    """What all kernels of a host share.

    Large messages are checked in `threads`; `relays` is the directory of the relays' sockets;
    `rejected` counts the dropped messages by code.
    """

    reactor: Any
    threads: Any  # a ThreadPool
    zmq: ZmqSocketFactory
    relays: Path
    limits: Limits
    rejected: Counter[str]


@define(kw_only=True, eq=False)
class ConnectedKernel:
    """A kernel, from its start until its process, sockets and directory are gone.

    `process` knows only its `number`, never its `kernel_id`; the log has both. `key` signs its
    messages. `when_ready` fires with the kernel, or fails with `StartFailed`; cancelling it ends the
    kernel. Implements the effects of the states in `states`, and observes its process.
    """

    process: KernelProcess
    key: bytes
    observer: KernelObserver
    resources: KernelResources
    alive: bool = field(default=True, init=False)  # until the process tree has ended
    when_ready: Deferred[Kernel] = field(init=False)
    _bound: bool = field(default=False, init=False)
    _is_unsent_logged: bool = field(default=False, init=False)
    link: KernelLink = field(init=False)
    _state: KernelInputs = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._state = new_kernel_state(KernelCore(self))
        self.when_ready = Deferred(lambda _: self._state.start_cancelled())
        self.link = KernelLink(
            factory=self.resources.zmq,
            threads=self.resources.threads,
            open_stream=self.process.stream,
            relays=self.resources.relays,
            name=str(self.number),
            key=self.key,
            identity=IDENTITY,
            lifetime=self.resources.limits.lifetime,
            messages=self.resources.limits.messages,
            received=self.received,
            slice_over=self.observer.slice_over,
            rejected=self._rejected,
            heartbeat_missed=self.observer.heartbeat_missed,
            broken=self._broken,
            beats=self.beats,
        )

    def begin(self) -> Deferred[Kernel]:
        """Start the process; returns `when_ready`."""
        ready = self.when_ready
        self.process.begin(self)
        return ready

    @property
    def machine(self) -> str:
        """The name of the machine where it runs."""
        return self.process.machine_name

    @property
    def number(self) -> int:
        """The number of its process."""
        return self.process.number

    @property
    def kernel_id(self) -> str:
        """The kernel's name in the log."""
        return self.observer.kernel_id

    @property
    def received(self) -> Callable[[Message], None]:
        """What is called with the kernel's messages."""
        return self.observer.message_received

    @property
    def beats(self) -> bool:
        """Whether it answers heartbeats while a program runs."""
        return True

    # --- Kernel

    @property
    def unread(self) -> int:
        """The bytes of messages that the kernel has not read."""
        return self.link.unread

    def send(self, message: Message) -> None:
        """Send a message to the kernel; drops it if the kernel has ended.

        If its channel cannot be connected, an interrupt and a shutdown come by the fork server.
        """
        if not self.alive:
            return
        try:
            self.link.send(message)
        except OSError as error:  # out of descriptors, or the program has removed the socket
            self._log_unsent(message, error)
            if message.msg_type == "interrupt_request":
                self.interrupt()
            elif message.msg_type == "shutdown_request":
                self.kill()

    def _log_unsent(self, message: Message, error: OSError) -> None:
        if self._is_unsent_logged:
            return  # a program that has removed the socket may have a client that sends without end
        self._is_unsent_logged = True
        _log.warn(
            "{kernel}: no connection to {channel} of kernel {number} for {msg_type}: {why}",
            kernel=self.kernel_id,
            number=self.number,
            channel=message.channel,
            msg_type=message.msg_type[:40],
            why=error.strerror,
        )

    def pause(self) -> None:
        """Stop reading what the kernel publishes; see `KernelLink.pause`."""
        self.link.pause()

    def resume(self) -> None:
        """Read again, after `pause`."""
        self.link.resume()

    def interrupt(self) -> None:
        """Send SIGINT to the kernel's process group."""
        if self.alive:
            self.process.interrupt()

    def kill(self) -> None:
        """Kill the kernel's process tree."""
        if self.alive:
            self.process.kill()

    # --- ProcessObserver

    def bound(self) -> None:
        """The kernel's sockets are bound."""
        self._state.bound()

    def troubled(self, trouble: Trouble, why: str) -> None:
        """Log what went wrong with the process."""
        _log.error(trouble.log_format, kernel=self.kernel_id, number=self.number, why=why)

    def failed(self) -> None:
        """It cannot come up."""
        self._state.failed(None)

    def limit_near(self, reason: str, seconds: int) -> None:
        """The kernel is near the limit `reason`, with `seconds` left."""
        if self.alive:
            self.observer.limit_near(reason, seconds)

    def ended(self, how: Exit) -> None:
        """The process tree has ended; the last messages and the directory are still there."""
        self._state.ended(how)

    # --- KernelEffects

    def connect(self) -> None:
        """Connect to the kernel's sockets."""
        self._bound = True
        try:
            self.open_link()
        except OSError as error:
            _log.error(
                "{kernel}: no connection to kernel {number}: {why}",
                kernel=self.kernel_id,
                number=self.number,
                why=error,
            )
            self._state.failed(None)

    def open_link(self) -> None:
        """Connect to the sockets, which are bound; raises OSError. The input `heard` follows."""
        self.link.open().addCallback(lambda _: self._state.heard())

    def come_up(self) -> None:
        """Report to the process that the kernel is up, and fire `when_ready`."""
        self.process.come_up()
        self.when_ready.callback(self)

    def give_up(self) -> None:
        """End the kernel, since its start was cancelled."""
        if self.process.is_forked:
            _log.info(
                "{kernel}: kernel {number} is given up in its start: {phase}",
                kernel=self.kernel_id,
                number=self.number,
                phase="it has sent nothing yet" if self._bound else "its sockets are not bound yet",
            )
        self.kill()

    def fail_start(self, how: Exit) -> None:
        """Let `when_ready` fail with `StartFailed`."""
        why = _NOWHERE if how.reason == NOWHERE else _NOT_STARTED
        self.when_ready.errback(StartFailed(why))

    def clear_up(self, how: Exit) -> None:
        """Receive the last messages, remove what the kernel had, and report its end."""
        self.alive = False
        _log.info(
            "{kernel}: kernel {number} ended {how}",
            kernel=self.kernel_id,
            number=self.number,
            how=how,
        )
        if how.reason == LOST:
            self.link.close()  # nobody will close it at the other end
        drained = Deferred.fromCoroutine(self.link.drain())
        drained.addTimeout(LAST_WORDS, self.resources.reactor)
        drained.addBoth(lambda _: self._remove(how))

    def _remove(self, how: Exit) -> None:
        self.link.close()
        # Reporting the end admits another kernel: first free the disk, so that it cannot fill up.
        self.process.remove().addCallback(lambda _: self.observer.kernel_ended(how))

    # --- from the kernel

    def _broken(self, channel: str, error: WireError) -> None:
        """Kill the kernel: one of its programs has written to its connections."""
        _log.warn(
            "{kernel}: kernel {number} broke the protocol on {channel} and is killed: {why}",
            kernel=self.kernel_id,
            number=self.number,
            channel=channel,
            why=error,
        )
        self._state.failed("protocol")

    def _rejected(self, code: str) -> None:
        if not self.resources.rejected[code]:
            _log.warn(
                "{kernel}: message of kernel {number} dropped: {code}",
                kernel=self.kernel_id,
                number=self.number,
                code=code,
            )
        self.resources.rejected[code] += 1
