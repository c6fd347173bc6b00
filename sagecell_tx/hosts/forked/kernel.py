"""One kernel of the fork server; implements `sagecell_tx.sessions.interfaces.Kernel`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from sagecell_tx.hosts.channels.link import KernelLink
from sagecell_tx.hosts.channels.zmqsocket import ZmqSocketFactory
from sagecell_tx.hosts.directories.removals import Removals
from sagecell_tx.hosts.directories.workdir import WorkDirs
from sagecell_tx.hosts.forked.bootstrap import HostBootstrap
from sagecell_tx.hosts.forked.machine import KernelCore, KernelInputs, new_kernel_state
from sagecell_tx.hosts.network.egress import Network, Outlet
from sagecell_tx.hosts.network.fdpassing import NoListener
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

#: Seconds for reading the last messages of a kernel that has ended.
LAST_WORDS = 5.0


@frozen(kw_only=True)
class HostResources:
    """What all kernels of a host share.

    Large messages are checked in `threads`; `rejected` counts the dropped messages by code.
    """

    reactor: Any
    threads: Any  # a ThreadPool
    zmq: ZmqSocketFactory
    directories: WorkDirs
    limits: Limits
    removals: Removals
    rejected: Counter[str]


@define(kw_only=True, eq=False)
class ForkedKernel:
    """A kernel, from its start until its process, sockets and directory are gone.

    The fork server and the kernel itself know only its `number`, never its `kernel_id`; the log has
    both. `send_command` sends the fork server a command about this kernel. `on_given_up` is called
    when its start is cancelled. `when_ready` fires with the kernel, or fails with `StartFailed`;
    cancelling it ends the kernel. Implements the effects of the states in `machine`.
    """

    number: int
    directory: Path
    key: bytes
    observer: KernelObserver
    resources: HostResources
    send_command: Callable[..., None]
    on_given_up: Callable[[ForkedKernel], None]
    ahead: bool = False  # see `Host.start`
    alive: bool = field(default=True, init=False)  # until the process tree has ended
    pid: int | None = field(default=None, init=False)  # once the fork server has reported it
    when_ready: Deferred[Kernel] = field(init=False)
    _bootstrap: HostBootstrap | None = field(default=None, init=False)  # of this start
    _bound: bool = field(default=False, init=False)  # in this start
    _is_unsent_logged: bool = field(default=False, init=False)
    link: KernelLink = field(init=False)
    _state: KernelInputs = field(init=False)
    _start: ExitStack = field(factory=ExitStack, init=False)  # closes what only this start needs

    def __attrs_post_init__(self) -> None:
        self._state = new_kernel_state(KernelCore(self))
        self.when_ready = Deferred(lambda _: self._state.start_cancelled())
        self.link = KernelLink(
            factory=self.resources.zmq,
            threads=self.resources.threads,
            directory=self.directory,
            relays=self.resources.directories.relays,
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
            self.send_command(op="signal", signal="INT")

    def kill(self) -> None:
        """Kill the kernel's process tree."""
        if self.alive:
            self.send_command(op="stop")

    # --- from the host

    def prepare(self, network: Network | None) -> list[int]:
        """The descriptors that go with the start command; raises OSError.

        The first is the kernel's end of the bootstrap socket. The second is the kernel's directory, so
        that the fork server can give it to the kernel's account, and count the files in it.
        """
        outlet = None
        if network is not None:
            outlet = network.outlet(self.directory, lambda: self.kernel_id)
            self._start.callback(outlet.close)
        self._bootstrap, theirs = self.open_bootstrap(partial(self._state.bound, outlet))
        self._start.callback(self._bootstrap.close)
        try:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
            return [theirs, os.open(self.directory, flags)]
        except OSError:
            os.close(theirs)
            raise

    def open_bootstrap(self, bound: Callable[[], None]) -> tuple[HostBootstrap, int]:
        """See `HostBootstrap.open`; `bound` is to be called when the sockets are, or soon will be."""
        return HostBootstrap.open(
            reactor=self.resources.reactor,
            directory=self.directory,
            key=self.key,
            bound=bound,
            failed=self.start_failed,
            broken=self.bootstrap_broken,
        )

    def limit_near(self, reason: str, seconds: int) -> None:
        """The kernel is near the limit `reason`, with `seconds` left."""
        if self.alive:
            self.observer.limit_near(reason, seconds)

    def server_lost(self) -> bool:
        """The fork server has ended; returns whether the next one is to start this kernel."""
        return self._state.server_lost()

    def ended(self, how: Exit) -> None:
        """The process tree has ended; the last messages and the directory are still there."""
        if self._bootstrap is not None and (why := self._bootstrap.last_report()):
            self._log_failed(why)
        self._state.ended(how)

    # --- KernelEffects

    def connect(self, outlet: Outlet | None) -> None:
        """Connect to the kernel's sockets, and take the listener that it has sent."""
        self._bound = True
        try:
            if outlet is not None:
                outlet.take_listener()
            self.open_link()
        except NoListener as error:
            _log.error(
                "{kernel}: kernel {number} has no network: {why}",
                kernel=self.kernel_id,
                number=self.number,
                why=error,
            )
            self._state.failed(None)
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
        """Report to the fork server that the kernel is up, and fire `when_ready`."""
        self.send_command(op="up")
        self.when_ready.callback(self)

    def give_up(self) -> None:
        """End the kernel, since its start was cancelled."""
        if self.pid is not None:
            _log.info(
                "{kernel}: kernel {number} is given up in its start: {phase}",
                kernel=self.kernel_id,
                number=self.number,
                phase="it has sent nothing yet" if self._bound else "its sockets are not bound yet",
            )
        self.on_given_up(self)

    def release_start(self) -> None:
        """Close what only this start needs, before the kernel is started again."""
        self.pid, self._bound = None, False
        self._start.close()

    def fail_start(self) -> None:
        """Let `when_ready` fail with `StartFailed`."""
        self.when_ready.errback(StartFailed(_NOT_STARTED))

    def clear_up(self, how: Exit) -> None:
        """Receive the last messages, remove what the kernel had, and report its end."""
        self.alive = False
        self._start.close()
        _log.info(
            "{kernel}: kernel {number} ended {how}",
            kernel=self.kernel_id,
            number=self.number,
            how=how,
        )
        drained = Deferred.fromCoroutine(self.link.drain())
        drained.addTimeout(LAST_WORDS, self.resources.reactor)
        drained.addBoth(lambda _: self._remove(how))

    def _remove(self, how: Exit) -> None:
        self.close_link()
        # Reporting the end admits another kernel: first free the disk, so that it cannot fill up.
        removed = self.resources.removals.begin(self.directory)
        removed.addErrback(lambda failure: _log.failure("removing a directory failed", failure))
        removed.addCallback(lambda _: self.observer.kernel_ended(how))

    def close_link(self) -> None:
        """Close the connection to the sockets, and what it needed."""
        self.link.close()

    # --- from the kernel

    def start_failed(self, why: str) -> None:
        """It cannot come up, and says why."""
        self._log_failed(why)
        self._state.failed(None)

    def _log_failed(self, why: str) -> None:
        _log.error(
            "{kernel}: kernel {number} could not start: {why}",
            kernel=self.kernel_id,
            number=self.number,
            why=why,
        )

    def bootstrap_broken(self) -> None:
        """What it says on the bootstrap socket makes no sense."""
        _log.error(
            "{kernel}: the first message of kernel {number} is malformed",
            kernel=self.kernel_id,
            number=self.number,
        )
        self._state.failed(None)

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
