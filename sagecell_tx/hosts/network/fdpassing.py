"""Receives the listener in a kernel's network namespace, with one datagram.

The server makes a socket in the kernel's directory before the start. The kernel sends the
listener there before it runs any program and before it reports that it is bound. Then the server
receives the datagram and closes the socket, so that no program can send to it.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

from attrs import define, field

from sagecell_tx.hosts.directories.workdir import SOCKETS

#: The socket's name. Not longer than those of the kernel's sockets, whose paths are checked.
NAME = "net"


class NoListener(Exception):
    """Not exactly one valid listener was received; the text says why."""


@define
class ListenerReceiver:
    """A socket that waits for a listener. The owner must call `close`, even after a failure."""

    _path: Path
    _socket: socket.socket = field(init=False)

    @classmethod
    def below(cls, directory: Path) -> ListenerReceiver:
        """A socket in a kernel's directory; replaces that of an earlier start. Raises OSError."""
        return cls(directory / SOCKETS / NAME)

    def __attrs_post_init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._path.unlink(missing_ok=True)
            self._socket.bind(str(self._path))
            # The kernel may have an account of its own; no other account can enter the directory.
            self._path.chmod(0o666)
        except BaseException:
            self._socket.close()
            raise

    def take(self) -> socket.socket:
        """Receive the listener, which becomes non-blocking; raises `NoListener`. Never waits."""
        try:
            # Room for two, to detect a second one. Linux closes those that do not fit.
            _, descriptors, flags, _ = socket.recv_fds(self._socket, 1, 2)
        except OSError as error:
            raise NoListener(f"nothing was received: {error.strerror}") from error
        if len(descriptors) != 1 or flags & socket.MSG_CTRUNC:
            for descriptor in descriptors:
                os.close(descriptor)
            raise NoListener(f"{len(descriptors)} descriptors were received")
        return _listener(descriptors[0])

    def close(self) -> None:
        """Close and unlink the socket, with descriptors that were sent but not received."""
        self._socket.close()
        with suppress(OSError):  # the directory may be gone
            self._path.unlink()


def _listener(descriptor: int) -> socket.socket:
    """The socket of an untrusted descriptor; if it is no listener, closed, with `NoListener`."""
    try:
        # Detects the family and kind, and fails for anything but a socket.
        found = socket.socket(fileno=descriptor)
    except OSError as error:
        os.close(descriptor)
        raise NoListener(f"the descriptor is no socket: {error.strerror}") from error
    try:
        kind = (found.family, found.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE))
        if kind != (socket.AF_INET, socket.SOCK_STREAM) or found.proto != socket.IPPROTO_TCP:
            raise NoListener(f"the socket is not for TCP over IPv4: {found.family!r}")
        if not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise NoListener("the socket does not listen")
        if found.getsockname()[0] != "127.0.0.1":
            raise NoListener("the listener is not on 127.0.0.1")
        found.set_inheritable(False)
        found.setblocking(False)
    except BaseException as error:
        found.close()
        if isinstance(error, OSError):
            raise NoListener(f"{error.strerror}") from error
        raise
    return found
