"""One kernel of the fork server, as its session sees it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from sagecell_tx.hosts.channels.link import KernelLink
from sagecell_tx.hosts.forked.bootstrap import HostBootstrap
from sagecell_tx.hosts.network.egress import Network, Outlet
from sagecell_tx.hosts.network.fdpassing import NoListener
from sagecell_tx.sessions.interfaces import Exit, Kernel, KernelObserver, StartFailed
from sagecell_tx.wire.messages import Message, WireError

if TYPE_CHECKING:
    from sagecell_tx.hosts.forked.host import ForkHost

_log = Logger()

#: Who sends a kernel its requests, as it sees it: the same for all, so it says nothing of anybody.
IDENTITY = b"server"

#: How long the last words of a kernel that is gone may take to be read, in seconds.
LAST_WORDS = 5.0


@define(eq=False)
class ForkedKernel:
    """A kernel from its start command on until its process, sockets and directory are gone.

    The fork server and the kernel itself know it by its `number`, and never its `kernel_id`.
    """

    kernel_id: str
    number: int
    _host: ForkHost
    _observer: KernelObserver
    directory: Path
    key: bytes
    pid: int | None = field(default=None, init=False)
    _bootstrap: HostBootstrap | None = field(default=None, init=False)
    _link: KernelLink | None = field(default=None, init=False)
    _outlet: Outlet | None = field(default=None, init=False)
    when_ready: Deferred[Kernel] = field(init=False)
    _waited_for: bool = field(default=True, init=False)
    _gone: bool = field(default=False, init=False)
    _again: bool = field(default=False, init=False)  # started a second time
    _reason: str | None = field(default=None, init=False)  # why we ended it

    def __attrs_post_init__(self) -> None:
        self.when_ready = Deferred(lambda _: self._give_up())

    # --- Kernel

    @property
    def alive(self) -> bool:
        """Whether the process tree is there."""
        return not self._gone

    def send(self, message: Message) -> None:
        """Send a message to the kernel."""
        if self._link is not None and not self._gone:
            self._link.send(message)

    def pause(self) -> None:
        """Stop reading what the kernel publishes."""
        if self._link is not None:
            self._link.pause()

    def resume(self) -> None:
        """Read on."""
        if self._link is not None:
            self._link.resume()

    def interrupt(self) -> None:
        """SIGINT to the kernel's process group."""
        if not self._gone:
            self._host.send_command(op="signal", id=self.number, signal="INT")

    def kill(self) -> None:
        """SIGKILL to the kernel's process tree."""
        if not self._gone:
            self._host.send_command(op="stop", id=self.number)

    # --- from the host

    def await_listener(self, network: Network) -> None:
        """Have a way out ready for the kernel that is about to start here; raises OSError."""
        self._close_outlet()
        self._outlet = network.outlet(self.directory, lambda: self.kernel_id)

    def prepare(self) -> list[int]:
        """The descriptors that go with the start command; raises OSError.

        The first leads to what the kernel alone is told. The second is the directory without its
        name, where the fork server has to see what is written there.
        """
        self._close_bootstrap()
        self._bootstrap, theirs = HostBootstrap.open(
            reactor=self._host.reactor,
            directory=self.directory,
            key=self.key,
            bound=self._bound,
            broken=self._bootstrap_broken,
        )
        if not self._host.watches_disk:
            return [theirs]
        try:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
            return [theirs, os.open(self.directory, flags)]
        except OSError:
            os.close(theirs)
            raise

    def _bootstrap_broken(self) -> None:
        _log.error("{kernel}: its first word makes no sense", kernel=self.kernel_id)
        self.kill()

    def _bound(self) -> None:
        """The kernel's sockets are there."""
        if self._outlet is not None:
            try:
                self._outlet.take_listener()
            except NoListener as error:
                _log.error("{kernel}: no network: {why}", kernel=self.kernel_id, why=error)
                self.kill()
                return
        self._link = KernelLink(
            factory=self._host.zmq,
            threads=self._host.threads,
            directory=self.directory,
            relays=self._host.directories.relays,
            name=str(self.number),
            key=self.key,
            identity=IDENTITY,
            lifetime=self._host.limits.lifetime,
            messages=self._host.limits.messages,
            received=self._observer.message_received,
            rejected=self._rejected,
            heartbeat_missed=self._observer.heartbeat_missed,
            broken=self._broken,
        )
        try:
            self._link.open().addCallback(self._proven)
        except OSError as error:
            _log.error("{kernel}: no connection: {why}", kernel=self.kernel_id, why=error)
            self.kill()

    def limit_near(self, reason: str, seconds: int) -> None:
        """The kernel has taken nearly all that it may."""
        if not self._gone:
            self._observer.limit_near(reason, seconds)

    def may_start_anew(self) -> bool:
        """Whether nobody has seen anything of this kernel yet, so that another may be it.

        Once: a second fork server that dies of the same start is one too many.
        """
        if self._link is not None or not self._waited_for or self._again:
            return False
        self._again, self.pid = True, None
        self._close_bootstrap()
        return True

    def ended(self, how: Exit) -> None:
        """The process tree is gone; the last words and the directory are still there."""
        if self._gone:
            return
        self._gone = True
        self._close_bootstrap()
        self._close_outlet()
        if self._reason is not None:
            how = evolve(how, reason=self._reason)
        _log.info("{kernel}: ended {how}", kernel=self.kernel_id, how=how)
        if self._waited_for:
            self._waited_for = False
            self.when_ready.errback(StartFailed("The kernel could not be started."))
        if self._link is None:
            self._clear_up(how)
            return
        drained = Deferred.fromCoroutine(self._link.drain())
        drained.addTimeout(LAST_WORDS, self._host.reactor)
        drained.addBoth(lambda _: self._clear_up(how))

    def _close_bootstrap(self) -> None:
        bootstrap, self._bootstrap = self._bootstrap, None
        if bootstrap is not None:
            bootstrap.close()

    def _close_outlet(self) -> None:
        outlet, self._outlet = self._outlet, None
        if outlet is not None:
            outlet.close()

    def _clear_up(self, how: Exit) -> None:
        if self._link is not None:
            self._link.close()
        # A place that is given back before the disk is free would let programs fill it.
        removed = self._host.removals.begin(self.directory)
        removed.addErrback(lambda failure: _log.failure("removing a directory", failure))
        removed.addCallback(lambda _: self._observer.kernel_ended(how))

    def _proven(self, _: None) -> None:
        self._host.send_command(op="up", id=self.number)
        if self._waited_for:
            self._waited_for = False
            self.when_ready.callback(self)

    def _give_up(self) -> None:
        """Nobody waits for this kernel any more."""
        self._waited_for = False
        self._host.give_up(self)

    def _broken(self, channel: str, error: WireError) -> None:
        """It is not our kernel that speaks like this: a program writes to its connections."""
        _log.warn(
            "{kernel}: ended for what it sent on {channel}: {why}",
            kernel=self.kernel_id,
            channel=channel,
            why=error,
        )
        self._reason = "protocol"
        self.kill()

    def _rejected(self, code: str) -> None:
        if not self._host.rejected[code]:
            _log.warn("{kernel}: message dropped: {code}", kernel=self.kernel_id, code=code)
        self._host.rejected[code] += 1
