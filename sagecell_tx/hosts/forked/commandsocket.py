"""The socket for commands to a fork server, with descriptors that go along with them.

Sending never blocks: what the socket does not take at once is queued.
"""

from __future__ import annotations

import errno
import os
import socket
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field, frozen
from twisted.internet.interfaces import IDelayedCall, IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

#: Commands that may wait. A fork server that is further behind counts as hung.
WAITING = 4096

#: Errors that pass without the socket becoming writable, and the seconds until the next try.
_PASSING = frozenset({errno.ENOBUFS, errno.ENOMEM, errno.ETOOMANYREFS})
_REST = 0.1


@frozen
class _Command:
    """A message, and its descriptors, which are closed when it is sent or dropped."""

    data: bytes
    descriptors: Sequence[int]

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)


@implementer(IWriteDescriptor)
@define(eq=False)
class CommandSocket:
    """The web process's end. `overrun` is called, once, when too many commands wait.

    The waiting commands are dropped then, and the socket is closed.
    """

    _reactor: Any
    _socket: socket.socket
    _overrun: Callable[[], None]
    _waiting: deque[_Command] = field(factory=deque, init=False)
    _rest: IDelayedCall | None = field(default=None, init=False)
    _open: bool = field(default=True, init=False)

    @classmethod
    def pair(cls, reactor: Any, overrun: Callable[[], None]) -> tuple[CommandSocket, socket.socket]:
        """Make both ends; the second is the fork server's. Raises OSError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        return cls(reactor, ours, overrun), theirs

    def send(self, data: bytes, descriptors: Sequence[int] = ()) -> None:
        """Send or queue a command. Takes over the descriptors, even if the socket is closed."""
        command = _Command(data, descriptors)
        if not self._open:
            command.close()
            return
        self._waiting.append(command)
        if len(self._waiting) == 1:
            self.doWrite()
        elif len(self._waiting) > WAITING:
            self.close()
            self._overrun()

    def close(self) -> None:
        """Close the socket and drop the waiting commands. Harmless if repeated."""
        if not self._open:
            return
        self._open = False
        self._reactor.removeWriter(self)
        if self._rest is not None and self._rest.active():
            self._rest.cancel()
        while self._waiting:
            self._waiting.popleft().close()
        self._socket.close()

    # --- IWriteDescriptor

    def fileno(self) -> int:
        """The socket's descriptor; -1 when it is closed."""
        return self._socket.fileno()

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        """The name in Twisted's log lines."""
        return "fork server"

    def doWrite(self) -> None:  # noqa: N802
        """Send the waiting commands, as far as the socket takes them."""
        while self._waiting:
            try:
                self._send(self._waiting[0])
            except BlockingIOError:
                self._reactor.addWriter(self)
                return
            except OSError as error:
                self._reactor.removeWriter(self)
                if error.errno in _PASSING:
                    self._rest = self._reactor.callLater(_REST, self.doWrite)
                else:  # the other end is closed; `ForkServerProtocol` sees the process end
                    self.close()
                return
            self._waiting.popleft().close()
        self._reactor.removeWriter(self)

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802
        """The reactor has stopped watching the socket."""
        self.close()

    def _send(self, command: _Command) -> None:
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", command.descriptors))
        self._socket.sendmsg([command.data], [rights] if command.descriptors else [])
