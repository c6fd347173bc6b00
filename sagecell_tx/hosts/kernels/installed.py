"""A kernel of an installed kernelspec, as the web process has it.

It is a program of its own, which need not send a welcome on iopub: it is asked for its kernel_info
until a message comes there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from typing_extensions import override

from sagecell_tx.hosts.kernels.kernel import ConnectedKernel
from sagecell_tx.hosts.kernels.lostends import LostEnds
from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.sessions.interfaces import Exit
from sagecell_tx.wire.messages import CONTROL, SHELL, Message

_log = Logger()

#: Seconds between two attempts to connect, and between two requests for kernel_info.
AGAIN = 0.05
ASK = 0.5

#: The most requests of the server's own whose answers are known as such.
MOST_OWN = 100


@define(kw_only=True, eq=False)
class InstalledKernel(ConnectedKernel):
    """A kernel of the kernelspec `installed`, as `ConnectedKernel` otherwise.

    `originate` makes a message of the server's own to it: channel, type, content.
    """

    installed: InstalledSpec
    originate: Callable[[str, str, dict[str, Any]], Message]
    _own: set[str] = field(factory=set, init=False)  # the ids of those messages
    _asked: int = field(default=0, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)
    _lost_ends: LostEnds = field(init=False)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._lost_ends = LostEnds(
            clock=self.resources.reactor,
            ask=lambda: self._send_own(SHELL, "kernel_info_request"),
            originate=self.originate,
            deliver=self.observer.message_received,
            noticed=self._end_is_lost,
        )
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
        if message.parent_id in self._own:
            self._lost_ends.received_own(message)
        else:
            self._lost_ends.received(message)
            self.observer.message_received(message)

    def _send_own(self, channel: str, msg_type: str) -> str:
        """Send a request of the server's own; returns its id, "" if it cannot be sent."""
        message = self.originate(channel, msg_type, {})
        if not self.alive or not self.link.send_own(message):
            return ""
        if len(self._own) >= MOST_OWN:  # answered long ago, or never
            self._own.clear()
        self._own.add(message.msg_id)
        return message.msg_id

    def _end_is_lost(self) -> None:
        _log.warn(
            "{kernel}: kernel {number} published faster than it was read, and has dropped messages",
            kernel=self.kernel_id,
            number=self.number,
        )

    @override
    def open_link(self) -> None:
        """Connect to the sockets as soon as all take connections; then ask until one answers."""
        if not self.alive:
            return
        try:
            super().open_link()
        except OSError:  # by a program that does not listen yet
            self._next = self.resources.reactor.callLater(AGAIN, self.open_link)
        else:
            self._ask()

    def _ask(self) -> None:
        """Request kernel_info: some kernels answer on control, and all on shell."""
        if self.alive and not self.link.proven:
            self._send_own((CONTROL, SHELL)[self._asked % 2], "kernel_info_request")
            self._asked += 1
            self._next = self.resources.reactor.callLater(ASK, self._ask)

    @override
    def ended(self, how: Exit) -> None:
        """Its process tree has ended."""
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._lost_ends.stop()
        super().ended(how)
