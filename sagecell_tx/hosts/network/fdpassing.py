"""How the listener in a kernel's network comes to the server: with one datagram.

The server makes a socket in the kernel's directory before the start. The kernel sends the
listener there before it runs any program, and long before it says that it is bound. Then
the server takes what has come and closes the socket, so a program finds nobody to send to.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

from attrs import define, field

from sagecell_tx.hosts.directories.workdir import SOCKETS

#: The socket's name. No longer than those of the kernel's sockets, which were measured.
NAME = "net"


class NoListener(Exception):
    """What came was not one listener; the text says what it was."""


@define
class ListenerReceiver:
    """A socket that waits for a listener. Its owner closes it, whatever came."""

    _path: Path
    _socket: socket.socket = field(init=False)

    @classmethod
    def below(cls, directory: Path) -> ListenerReceiver:
        """In a kernel's directory; raises OSError. What was there of an earlier start goes."""
        return cls(directory / SOCKETS / NAME)

    def __attrs_post_init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._path.unlink(missing_ok=True)
            self._socket.bind(str(self._path))
            # The kernel may have an account of its own; nobody else gets into the directory.
            self._path.chmod(0o666)
        except BaseException:
            self._socket.close()
            raise

    def take(self) -> socket.socket:
        """The listener that has come, not blocking; raises `NoListener`."""
        try:
            # One more than is wanted, to see that there is none. What does not fit is closed.
            _, descriptors, flags, _ = socket.recv_fds(self._socket, 1, 2)
        except OSError as error:
            raise NoListener(f"nothing has come: {error.strerror}") from error
        if len(descriptors) != 1 or flags & socket.MSG_CTRUNC:
            for descriptor in descriptors:
                os.close(descriptor)
            raise NoListener(f"{len(descriptors)} descriptors have come")
        return _listener(descriptors[0])

    def close(self) -> None:
        """Wait no more. What else has come is closed with it."""
        self._socket.close()
        with suppress(OSError):  # the directory may be gone
            self._path.unlink()


def _listener(descriptor: int) -> socket.socket:
    """A socket out of a descriptor that may be anything; it is ours now."""
    try:
        # Detects what it is, and fails for what is no socket.
        found = socket.socket(fileno=descriptor)
    except OSError as error:
        os.close(descriptor)
        raise NoListener(f"no socket has come: {error.strerror}") from error
    try:
        kind = (found.family, found.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE))
        if kind != (socket.AF_INET, socket.SOCK_STREAM) or found.proto != socket.IPPROTO_TCP:
            raise NoListener(f"a socket of another kind has come: {found.family!r}")
        if not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise NoListener("a socket that does not listen has come")
        if found.getsockname()[0] != "127.0.0.1":
            raise NoListener("a listener on another address has come")
        found.set_inheritable(False)
        found.setblocking(False)
    except BaseException as error:
        found.close()
        if isinstance(error, OSError):
            raise NoListener(f"{error.strerror}") from error
        raise
    return found
