"""One kernel of the fork server, as its session sees it."""

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

#: Who sends a kernel its requests, as it sees it: the same for all, so it says nothing of anybody.
IDENTITY = b"server"

#: How long the last words of a kernel that is gone may take to be read, in seconds.
LAST_WORDS = 5.0


@frozen(kw_only=True)
class HostResources:
    """What all kernels of a host share.

    `threads` are where large messages are checked, `rejected` counts the dropped ones by reason.
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
    """A kernel from its start command on until its process, sockets and directory are gone.

    The fork server and the kernel itself know it by its `number`, and never its `kernel_id`; the log
    has both. `send_command` sends the fork server a command that is about this kernel. `on_given_up`
    is called when nobody waits any more for it to start. It has the effects of its states; see
    `machine`.
    """

    number: int
    directory: Path
    key: bytes
    observer: KernelObserver
    resources: HostResources
    send_command: Callable[..., None]
    on_given_up: Callable[[ForkedKernel], None]
    alive: bool = field(default=True, init=False)  # the process tree is there
    pid: int | None = field(default=None, init=False)  # once the fork server has told it
    when_ready: Deferred[Kernel] = field(init=False)
    link: KernelLink = field(init=False)
    _state: KernelInputs = field(init=False)
    _start: ExitStack = field(factory=ExitStack, init=False)  # what belongs to this start alone

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
            received=self.observer.message_received,
            rejected=self._rejected,
            heartbeat_missed=self.observer.heartbeat_missed,
            broken=self._broken,
        )

    @property
    def kernel_id(self) -> str:
        """What the kernel is called in the log."""
        return self.observer.kernel_id

    # --- Kernel

    def send(self, message: Message) -> None:
        """Send a message to the kernel."""
        if self.alive:
            self.link.send(message)

    def pause(self) -> None:
        """Stop reading what the kernel publishes."""
        self.link.pause()

    def resume(self) -> None:
        """Read on."""
        self.link.resume()

    def interrupt(self) -> None:
        """SIGINT to the kernel's process group."""
        if self.alive:
            self.send_command(op="signal", signal="INT")

    def kill(self) -> None:
        """SIGKILL to the kernel's process tree."""
        if self.alive:
            self.send_command(op="stop")

    # --- from the host

    def prepare(self, network: Network | None, *, watch_disk: bool) -> list[int]:
        """The descriptors that go with the start command; raises OSError.

        The first leads to what the kernel alone is told. The second is the directory without its
        name, where the fork server has to see what is written there: with `watch_disk`.
        """
        outlet = None
        if network is not None:
            outlet = network.outlet(self.directory, lambda: self.kernel_id)
            self._start.callback(outlet.close)
        bootstrap, theirs = HostBootstrap.open(
            reactor=self.resources.reactor,
            directory=self.directory,
            key=self.key,
            bound=partial(self._state.bound, outlet),
            broken=self._bootstrap_broken,
        )
        self._start.callback(bootstrap.close)
        if not watch_disk:
            return [theirs]
        try:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
            return [theirs, os.open(self.directory, flags)]
        except OSError:
            os.close(theirs)
            raise

    def limit_near(self, reason: str, seconds: int) -> None:
        """The kernel has taken nearly all that it may."""
        if self.alive:
            self.observer.limit_near(reason, seconds)

    def server_lost(self) -> bool:
        """The fork server is gone; gives whether the start command is to be sent to the next one."""
        return self._state.server_lost()

    def ended(self, how: Exit) -> None:
        """The process tree is gone; the last words and the directory are still there."""
        self._state.ended(how)

    # --- KernelEffects

    def connect(self, outlet: Outlet | None) -> None:
        """Connect to the kernel's sockets, and take the listener that it has handed over."""
        try:
            if outlet is not None:
                outlet.take_listener()
            self.link.open().addCallback(lambda _: self._state.heard())
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

    def come_up(self) -> None:
        """Hand the kernel to whoever waits for it."""
        self.send_command(op="up")
        self.when_ready.callback(self)

    def give_up(self) -> None:
        """End a kernel that nobody waits for."""
        self.on_given_up(self)

    def release_start(self) -> None:
        """Let go of what belongs to this start alone."""
        self.pid = None
        self._start.close()

    def fail_start(self) -> None:
        """Tell whoever waits for the kernel that there will be none."""
        self.when_ready.errback(StartFailed("The kernel could not be started."))

    def clear_up(self, how: Exit) -> None:
        """Hear the kernel's last words, let go of all it had, and tell its end."""
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
        self.link.close()
        # A place that is given back before the disk is free would let programs fill it.
        removed = self.resources.removals.begin(self.directory)
        removed.addErrback(lambda failure: _log.failure("removing a directory", failure))
        removed.addCallback(lambda _: self.observer.kernel_ended(how))

    # --- from the kernel

    def _bootstrap_broken(self) -> None:
        _log.error(
            "{kernel}: the first message of kernel {number} makes no sense",
            kernel=self.kernel_id,
            number=self.number,
        )
        self._state.failed(None)

    def _broken(self, channel: str, error: WireError) -> None:
        """It is not our kernel that speaks like this: a program writes to its connections."""
        _log.warn(
            "{kernel}: kernel {number} is ended for what it sent on {channel}: {why}",
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
