"""The two sides of a relay: UNIX stream sockets, each read only while the other is writable.

Unlike Twisted's transports, they do not buffer more than one write, and discard descriptors that
come with the data.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReadDescriptor, IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from sagecell_tx.hosts.channels.bytestream import Pausable

#: Bytes that are read at once.
CHUNK = 64 * 1024

_NOTHING = memoryview(b"")


class _SocketDescriptor:
    """A socket that the reactor watches."""

    _socket: socket.socket

    def fileno(self) -> int:
        """The socket's descriptor; -1 when it is closed."""
        return self._socket.fileno()

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        """The name in Twisted's log lines."""
        return "relay"


@implementer(IReadWriteDescriptor)
@define(eq=False)
class UnixStream(_SocketDescriptor):
    """One of the two connections. `on_data` is called with what is read, `on_close` at its end.

    `other` is not read while this one has unwritten data.
    """

    _reactor: Any
    _socket: socket.socket
    _on_data: Callable[[bytes], None]
    _on_close: Callable[[], None]
    other: Pausable | None = field(default=None, init=False)
    _unread_for: set[str] = field(factory=set, init=False)
    _unwritten: memoryview = field(default=_NOTHING, init=False)
    _closing: bool = field(default=False, init=False)

    def read(self) -> None:
        """Begin to read, unless paused or closed."""
        if not self._unread_for and self.fileno() != -1:
            self._reactor.addReader(self)

    def pause(self, why: str) -> None:
        """Stop reading until every reason is resumed."""
        self._unread_for.add(why)
        self._reactor.removeReader(self)

    def resume(self, why: str) -> None:
        """Remove one reason; reads again if it was the last."""
        if why in self._unread_for:
            self._unread_for.remove(why)
            self.read()

    def write(self, data: bytes) -> None:
        """Write `data`; pauses the other side while some of it is unwritten."""
        self._write(memoryview(data))
        if self._unwritten and self.other is not None:
            self.other.pause("unwritten")
            self._reactor.addWriter(self)

    def _write(self, data: memoryview) -> None:
        try:
            self._unwritten = data[self._socket.send(data) :]
        except BlockingIOError:
            self._unwritten = data
        except OSError:
            # The peer has closed. What it sent before, and the end, are still read.
            self._unwritten = _NOTHING

    def close_when_written(self) -> None:
        """Close as soon as all data is written."""
        self._closing = True
        if not self._unwritten:
            self.close()

    def close(self) -> None:
        """Close at once, without calling `on_close`. Harmless if repeated."""
        if self.fileno() != -1:
            self._reactor.removeReader(self)
            self._reactor.removeWriter(self)
            self._socket.close()
            self._unwritten = _NOTHING

    def _lose(self) -> None:
        if self.fileno() != -1:
            self.close()
            self._on_close()

    # --- IReadWriteDescriptor

    def doRead(self) -> None:  # noqa: N802 - Twisted's name
        """Read what has arrived, or the end."""
        try:
            # `recv` has no buffer for descriptors, so Linux closes those that a program sends.
            data = self._socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._on_data(data)
        else:
            self._lose()

    def doWrite(self) -> None:  # noqa: N802
        """Write the rest; then resume the other side, or close."""
        self._write(self._unwritten)
        if self._unwritten:
            return
        self._reactor.removeWriter(self)
        if self._closing:
            self.close()
        elif self.other is not None:
            self.other.resume("unwritten")

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802
        """The reactor has seen the end. While paused, unread data may be left."""
        self._unwritten = _NOTHING
        if not self._unread_for:
            self._lose()


@implementer(IReadDescriptor)
@define(eq=False)
class UnixListener(_SocketDescriptor):
    """A listening socket that accepts one connection, and is then closed and unlinked.

    The constructor raises `OSError`. `on_error` is called if no connection can be accepted.
    """

    _reactor: Any
    _path: Path
    _on_connection: Callable[[socket.socket], None]
    _on_error: Callable[[], None]
    _socket: socket.socket = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            self._socket.bind(str(self._path))
            self._socket.listen(1)
        except OSError:
            self._socket.close()
            raise
        self._reactor.addReader(self)

    def close(self) -> None:
        """Close and unlink the socket. Harmless if repeated."""
        if self.fileno() != -1:
            self._reactor.removeReader(self)
            self._socket.close()
            with suppress(OSError):  # it may be removed already
                self._path.unlink()

    # --- IReadDescriptor

    def doRead(self) -> None:  # noqa: N802
        """Accept the connection."""
        try:
            connection, _ = self._socket.accept()
        except OSError:  # out of descriptors
            self.close()
            self._on_error()
            return
        connection.setblocking(False)
        self.close()
        self._on_connection(connection)

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802
        """The reactor could not watch the socket."""
        self.close()
        self._on_error()


def connected(path: Path, inside: int | None = None) -> socket.socket:
    """Connect to the socket at `path`; raises `OSError`, also if that would block.

    No symbolic link is followed in the last two parts of the path, where a program may put one.
    With `inside`, a descriptor of a directory, the socket has the last part as its name in there.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        with directory_of(path, inside) as directory, _opened(path, 0, directory) as end:
            connection.connect(f"/proc/self/fd/{end}")
    except OSError:
        connection.close()
        raise
    return connection


@contextmanager
def directory_of(path: Path, inside: int | None = None) -> Iterator[int]:
    """A descriptor of the directory that contains `path`, or `inside`; raises `OSError` for a link."""
    if inside is not None:
        yield inside
        return
    with _opened(path.parent, os.O_DIRECTORY) as directory:
        yield directory


@contextmanager
def _opened(path: Path, flags: int, directory: int | None = None) -> Iterator[int]:
    """An O_PATH descriptor of `path`, or of its name in `directory`; not following a link."""
    name = path if directory is None else path.name
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=directory)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
