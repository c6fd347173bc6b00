"""The web process's end of the bootstrap socket, which brings a kernel its directory and its key.

Whatever the fork server has had in its memory, every kernel that it forks later can find there. So
it gets one end of a pair of sockets, reads nothing from it, and passes it on to the kernel. The
kernel's answer is untrusted: it is either `BOUND`, or the kernel fails, and may say why. A kernel
that becomes a program of its own sends `PLACE` first, and cannot say when its sockets are bound.

Source of the messages: docs/protocol.rst, "The fork server".
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from sagecell_tx.wire.messages import dump

#: What a kernel sends, once, when its sockets are bound.
BOUND = b"bound"

#: What a kernel sends that is about to become its program, with a descriptor of the directory of
#: its sockets, unless that is the one that the server made. Why it could not may follow.
PLACE = b"place"

#: What a kernel that cannot start sends instead, followed by why.
FAILED = b"failed: "

#: The longest answer that is read, in bytes.
ANSWER = 8 * 1024


@implementer(IReadDescriptor)
@define(eq=False)
class HostBootstrap:
    """The web process's end, open until the kernel has answered or ended.

    `bound` is called when the kernel has sent `BOUND`, `failed` with the kernel's text when it has
    sent `FAILED`, and `broken` when it has sent anything else, at most one of them and once. None
    is called when the kernel ends, which the fork server reports. `placed` is called with the
    descriptor that came with `PLACE`, which it takes over; no kernel may send that without one.
    """

    reactor: Any
    bound: Callable[[], None]
    failed: Callable[[str], None]
    broken: Callable[[], None]
    _ours: socket.socket
    placed: Callable[[int | None], None] | None = None
    _open: bool = field(default=True, init=False)

    @classmethod
    def open(
        cls,
        *,
        reactor: Any,
        directory: Path,
        key: bytes,
        bound: Callable[[], None],
        failed: Callable[[str], None],
        broken: Callable[[], None],
        placed: Callable[[int | None], None] | None = None,
        program: Mapping[str, object] | None = None,
    ) -> tuple[HostBootstrap, int]:
        """Make the pair of sockets and send the message; raises OSError.

        `program` is what the kernel becomes, in the form of the message. Returns this end, and the descriptor of the kernel's end, which the caller passes on and
        closes.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            ours.setblocking(False)
            message = {"dir": str(directory), "key": key.decode("ascii")}
            ours.send(dump(message if program is None else {**message, "program": program}))
        except OSError:
            ours.close()
            theirs.close()
            raise
        bootstrap = cls(reactor, bound, failed, broken, ours, placed)
        reactor.addReader(bootstrap)
        return bootstrap, theirs.detach()

    def close(self) -> None:
        """Close the socket, so that a kernel can no longer answer. Harmless if repeated."""
        if self._open:
            self._open = False
            self.reactor.removeReader(self)
            self._ours.close()

    def last_report(self) -> str:
        """Close the socket; returns why the kernel could not start, if that has arrived unread.

        For a kernel that has ended: the fork server's event may be read before its own report.
        """
        self.placed = None  # its directory is of no use any more, however often it says its place
        answer = self._receive()[0] if self._open else None
        if answer == PLACE:
            answer, _ = self._receive()
        self.close()
        return _report(answer or b"")

    def _receive(self) -> tuple[bytes | None, int | None]:
        """The kernel's answer, empty at the end of the connection; None if nothing has arrived.

        Also the descriptor of a directory that came with `PLACE`. All others are closed.
        """
        descriptors: list[int] = []
        try:
            answer, descriptors, _, _ = socket.recv_fds(
                self._ours, ANSWER, 1, socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return None, None
        except OSError:  # the kernel ended before it had read the message
            return b"", None
        if answer == PLACE and self.placed is not None and len(descriptors) == 1:
            return answer, descriptors[0]
        for descriptor in descriptors:
            os.close(descriptor)
        return answer, None

    # --- IReadDescriptor

    def fileno(self) -> int:
        """The socket's descriptor; -1 when it is closed."""
        return self._ours.fileno()

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        """The name in Twisted's log lines."""
        return "bootstrap"

    def doRead(self) -> None:  # noqa: N802
        """Read the kernel's answer, or the end of the connection."""
        answer, descriptor = self._receive()
        if answer is None:
            return
        if answer == PLACE and self.placed is not None:
            placed, self.placed = self.placed, None
            placed(descriptor)
            return
        self.close()
        if answer == BOUND:
            self.bound()
        elif report := _report(answer):
            self.failed(report)
        elif answer:
            self.broken()

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802
        """The reactor has stopped watching the socket."""
        self.close()


def _report(answer: bytes) -> str:
    """What a kernel that cannot start says; empty if the answer is another."""
    if not answer.startswith(FAILED):
        return ""
    return answer.removeprefix(FAILED).decode("utf-8", "replace") or "it does not say why"
