"""How a kernel learns its directory and its key past the fork server: over a socket of its own.

What the fork server has once had in its memory, every kernel that it forks later can find
there. So it is sent one end of a pair of sockets, reads nothing from it, and passes it on to the
kernel. What comes back is not believed: it is bounded, and one word or nothing.

Source of the messages: docs/protocol.rst, "The fork server".
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from sagecell_tx.wire.messages import dump

#: What a kernel says, once, when its sockets are there.
BOUND = b"bound"


@implementer(IReadDescriptor)
@define(eq=False)
class HostBootstrap:
    """The web process's end, until the kernel is bound or gone. `close` may be called again.

    `bound` is called when the kernel says so, and `broken` when it says anything else, each at
    most once and never both. An end of the kernel is for the fork server to tell.
    """

    reactor: Any
    bound: Callable[[], None]
    broken: Callable[[], None]
    _ours: socket.socket
    _open: bool = field(default=True, init=False)

    @classmethod
    def open(
        cls,
        *,
        reactor: Any,
        directory: Path,
        key: bytes,
        bound: Callable[[], None],
        broken: Callable[[], None],
    ) -> tuple[HostBootstrap, int]:
        """Tell a kernel to be what it has to know; raises OSError.

        The descriptor is the kernel's end, which the caller passes on and closes.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            ours.setblocking(False)
            ours.send(dump({"dir": str(directory), "key": key.decode("ascii")}))
        except OSError:
            ours.close()
            theirs.close()
            raise
        bootstrap = cls(reactor, bound, broken, ours)
        reactor.addReader(bootstrap)
        return bootstrap, theirs.detach()

    def close(self) -> None:
        """Listen no more; a kernel that is still there cannot say that it is bound."""
        if self._open:
            self._open = False
            self.reactor.removeReader(self)
            self._ours.close()

    # --- IReadDescriptor

    def fileno(self) -> int:
        """The socket's descriptor; -1 when it is closed."""
        return self._ours.fileno()

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        """Who is to be named in the log."""
        return "bootstrap"

    def doRead(self) -> None:  # noqa: N802
        """Hear the one word of the kernel, or its end."""
        try:
            said = self._ours.recv(2 * len(BOUND))
        except BlockingIOError:
            return
        except OSError:  # it was gone before it had heard anything
            said = b""
        self.close()
        if said == BOUND:
            self.bound()
        elif said:
            self.broken()

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802
        """The reactor does not watch any more."""
        self.close()
