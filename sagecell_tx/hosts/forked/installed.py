"""The process of a kernel of an installed kernelspec: a program that the fork server has confined.

It is forked as all kernels are, and then becomes the spec's program. So it cannot say when its
sockets are bound: they are looked for.
"""

from __future__ import annotations

import os
import stat

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from typing_extensions import override

from sagecell_tx.hosts.channels.link import HEARTBEAT_PORT, PORTS, kernel_socket
from sagecell_tx.hosts.channels.unixstream import directory_of
from sagecell_tx.hosts.forked.bootstrap import HostBootstrap
from sagecell_tx.hosts.forked.process import LaunchedProcess
from sagecell_tx.hosts.kernels.processes import Trouble
from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.sessions.interfaces import Exit

#: Seconds between two looks for the sockets.
LOOK = 0.05

#: The name of what the program prints, beside its sockets, and how much of its end is logged.
LOG = "log"
LOGGED = 2000


@define(kw_only=True, eq=False)
class InstalledProcess(LaunchedProcess):
    """A process of the kernelspec `installed`, as `LaunchedProcess` otherwise."""

    installed: InstalledSpec
    _sockets: int | None = field(default=None, init=False)
    _is_up: bool = field(default=False, init=False)
    _has_ended: bool = field(default=False, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)

    @property
    @override
    def sockets(self) -> int | None:
        """See `LaunchedProcess.sockets`."""
        return self._sockets

    @override
    def come_up(self) -> None:
        """See `KernelProcess.come_up`."""
        self._is_up = True
        super().come_up()

    @override
    def remove(self) -> Deferred[object]:
        """See `KernelProcess.remove`. No connection needs the directory of the sockets any more."""
        self._drop_sockets()
        return super().remove()

    # --- its start

    @override
    def open_bootstrap(self) -> tuple[HostBootstrap, int]:
        """It also gets its program, and says that it is going to become that."""
        return HostBootstrap.open(
            reactor=self.resources.reactor,
            directory=self.directory,
            key=self.key,
            bound=self.bootstrap_broken,
            failed=self.start_failed,
            broken=self.bootstrap_broken,
            placed=self._placed,
            program=self.installed.program,
        )

    def _placed(self, directory: int | None) -> None:
        """It is about to become its program, whose sockets will be in `directory`."""
        if directory is not None and not stat.S_ISDIR(os.fstat(directory).st_mode):
            os.close(directory)
            self.bootstrap_broken()
            return
        self._drop_sockets()
        self._sockets = directory
        self.answered()
        self._look()

    def _look(self) -> None:
        """Look for the sockets until all are bound."""
        if self._has_ended:
            return
        try:
            for port in (*PORTS.values(), HEARTBEAT_PORT):
                path = kernel_socket(self.directory, port)
                with directory_of(path, self._sockets) as directory:
                    os.stat(path.name, dir_fd=directory, follow_symlinks=False)
        except OSError:
            self._next = self.resources.reactor.callLater(LOOK, self._look)
        else:
            self.bound()

    @override
    def server_lost(self) -> bool:
        """See `LaunchedProcess.server_lost`."""
        self._stop_looking()
        return super().server_lost()

    # --- its end

    @override
    def ended(self, how: Exit) -> None:
        """The process tree has ended; reports what the program printed, if it was not up."""
        self._has_ended = True
        self._stop_looking()
        if not self._is_up and (printed := self._printed()):
            self.observer.troubled(Trouble.PRINTED, printed)
        super().ended(how)

    def _stop_looking(self) -> None:
        if self._next is not None and self._next.active():
            self._next.cancel()

    def _printed(self) -> str:
        """The end of what the program has printed, which is not trusted; empty for nothing."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            path = kernel_socket(self.directory, 0)
            with directory_of(path, self._sockets) as directory:
                log = os.open(LOG, flags, dir_fd=directory)
        except OSError:
            return ""
        try:
            about = os.fstat(log)
            if not stat.S_ISREG(about.st_mode):
                return ""
            end = os.pread(log, LOGGED, max(0, about.st_size - LOGGED))
        finally:
            os.close(log)
        return "".join(map(_shown, end.decode("utf-8", "replace").strip()))

    def _drop_sockets(self) -> None:
        directory, self._sockets = self._sockets, None
        if directory is not None:
            os.close(directory)


def _shown(character: str) -> str:
    """A character for the log, which may be read in a terminal: no commands for that."""
    if character.isprintable() or character == "\n":
        return character
    return character.encode("unicode_escape").decode("ascii")
