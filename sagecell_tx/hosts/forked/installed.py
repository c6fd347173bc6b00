"""A kernel of an installed kernelspec: a program of its own, which the fork server has confined.

It is forked as all kernels are, and then becomes the spec's program. So it cannot say when its
sockets are bound: they are looked for. Nor does it have to send a welcome on iopub: it is asked
for its kernel_info until a message comes there.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from typing_extensions import override

from sagecell_tx.hosts.channels.link import HEARTBEAT_PORT, PORTS, kernel_socket
from sagecell_tx.hosts.channels.unixstream import directory_of
from sagecell_tx.hosts.forked.bootstrap import HostBootstrap
from sagecell_tx.hosts.forked.kernel import ForkedKernel
from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.sessions.interfaces import Exit
from sagecell_tx.wire.messages import CONTROL, SHELL, Message

_log = Logger()

#: Seconds between two looks for the sockets, and between two requests for kernel_info.
LOOK = 0.05
ASK = 0.5

#: The most requests of the server's own whose answers are known as such.
MOST_OWN = 100

#: The name of what the program prints, beside its sockets, and how much of its end is logged.
LOG = "log"
LOGGED = 2000


@define(kw_only=True, eq=False)
class InstalledKernel(ForkedKernel):
    """A kernel of the kernelspec `installed`, as `ForkedKernel` otherwise.

    `originate` makes a message of the server's own to it: channel, type, content.
    """

    installed: InstalledSpec
    originate: Callable[[str, str, dict[str, Any]], Message]
    _own: set[str] = field(factory=set, init=False)  # the ids of those messages
    _is_up: bool = field(default=False, init=False)
    _asked: int = field(default=0, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        # Asked for its kernel_info on control as well. It may need messages there to be interrupted.
        self.link.late = frozenset()

    @override
    def interrupt(self) -> None:
        """Interrupt it as its kernelspec says: by a message, or by SIGINT to its process group."""
        if self.installed.interrupt_mode == "message":
            self._send_own(CONTROL, "interrupt_request")
        else:
            super().interrupt()

    @property
    @override
    def received(self) -> Callable[[Message], None]:
        """The observer gets all messages but the answers to the server's own requests."""
        return self._received

    @property
    @override
    def beats(self) -> bool:
        """No: a kernel may have one thread for programs and heartbeats, as R's."""
        return False

    def _received(self, message: Message) -> None:
        if message.parent_id not in self._own:
            self.observer.message_received(message)

    def _send_own(self, channel: str, msg_type: str) -> None:
        message = self.originate(channel, msg_type, {})
        if self.alive and self.link.send_own(message):
            if len(self._own) >= MOST_OWN:  # answered long ago, or never
                self._own.clear()
            self._own.add(message.msg_id)

    # --- its start

    @override
    def open_bootstrap(self, bound: Callable[[], None]) -> tuple[HostBootstrap, int]:
        """It also gets its program, and says that it is going to become that."""
        return HostBootstrap.open(
            reactor=self.resources.reactor,
            directory=self.directory,
            key=self.key,
            bound=self.bootstrap_broken,
            failed=self.start_failed,
            broken=self.bootstrap_broken,
            placed=partial(self._placed, bound),
            program=self.installed.program,
        )

    def _placed(self, bound: Callable[[], None], directory: int | None) -> None:
        """It is about to become its program, whose sockets will be in `directory`."""
        if directory is not None and not stat.S_ISDIR(os.fstat(directory).st_mode):
            os.close(directory)
            self.bootstrap_broken()
            return
        self._drop_directory()
        self.link.inside = directory
        bound()

    @override
    def open_link(self) -> None:
        """Look for the sockets until all are bound; then ask for kernel_info until one answers."""
        if not self.alive:
            return
        try:
            self._check_sockets()
            super().open_link()
        except OSError:  # not bound yet, or by a program that does not listen yet
            self._next = self.resources.reactor.callLater(LOOK, self.open_link)
        else:
            self._ask()

    def _check_sockets(self) -> None:
        """Raises OSError if one is missing."""
        for port in (*PORTS.values(), HEARTBEAT_PORT):
            path = kernel_socket(self.directory, port)
            with directory_of(path, self.link.inside) as directory:
                os.stat(path.name, dir_fd=directory, follow_symlinks=False)

    def _ask(self) -> None:
        """Request kernel_info: some kernels answer on control, and all on shell."""
        if self.alive and not self.link.proven:
            self._send_own((CONTROL, SHELL)[self._asked % 2], "kernel_info_request")
            self._asked += 1
            self._next = self.resources.reactor.callLater(ASK, self._ask)

    @override
    def come_up(self) -> None:
        """See `KernelEffects.come_up`."""
        self._is_up = True
        super().come_up()

    # --- its end

    @override
    def ended(self, how: Exit) -> None:
        """Its process tree has ended; logs what the program printed, if it was not up."""
        if self._next is not None and self._next.active():
            self._next.cancel()
        if not self._is_up and (printed := self._printed()):
            _log.error(
                "{kernel}: kernel {number} printed: {printed}",
                kernel=self.kernel_id,
                number=self.number,
                printed=printed,
            )
        super().ended(how)

    def _printed(self) -> str:
        """The end of what the program has printed, which is not trusted; empty for nothing."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            path = kernel_socket(self.directory, 0)
            with directory_of(path, self.link.inside) as directory:
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

    @override
    def close_link(self) -> None:
        """Also close the directory of the sockets, which no connection needs any more."""
        super().close_link()
        self._drop_directory()

    def _drop_directory(self) -> None:
        directory, self.link.inside = self.link.inside, None
        if directory is not None:
            os.close(directory)


def _shown(character: str) -> str:
    """A character for the log, which may be read in a terminal: no commands for that."""
    if character.isprintable() or character == "\n":
        return character
    return character.encode("unicode_escape").decode("ascii")
