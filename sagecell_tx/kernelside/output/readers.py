"""The readers of a kernel's iopub: connections over UNIX sockets, written by one thread.

libzmq writes messages later, in a thread of its own, and does not report when: the last messages
of a process that dies are lost. Once `Readers.send` has returned, messages are in the sockets,
where they survive the process.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Container, Sequence

from attrs import define, field, frozen

from sagecell_tx.kernelside.output.zmtp import HELLO, SAID, NotZmtp, Subscriber

#: Readers at a time. The server is one; programs may be others.
READERS = 16

#: Bytes that a socket is asked to hold for a slow reader; Linux may allow less.
_HELD = 1 << 20

#: Milliseconds between calls of `give_up` while waiting for a slow reader.
_LOOK = 500


class GaveUp(Exception):
    """A reader did not take its messages in time, and `give_up` ended the wait."""


@frozen
class TopicMessage:
    """A message as bytes, and its topic."""

    topic: bytes
    data: bytes


@define(eq=False)
class Reader:
    """One connection, and what it has subscribed to."""

    connection: socket.socket
    subscriber: Subscriber = field(factory=Subscriber, init=False)
    descriptor: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.descriptor = self.connection.fileno()

    def receive(self) -> list[bytes] | None:
        """Read once; returns the new subscriptions, or None if the connection must be closed."""
        try:
            data = self.connection.recv(SAID)
            return self.subscriber.feed(data) if data else None
        except BlockingIOError:
            return []
        except (OSError, NotZmtp):
            return None

    def send(self, data: bytes, give_up: Callable[[], bool]) -> None:
        """Write all of it, however long that takes; raises OSError, GaveUp."""
        left = memoryview(data)
        while left:
            try:
                left = left[self.connection.send(left, socket.MSG_NOSIGNAL) :]
            except BlockingIOError:
                self._wait(give_up)

    def _wait(self, give_up: Callable[[], bool]) -> None:
        room = select.poll()
        room.register(self.connection, select.POLLOUT)
        while not room.poll(_LOOK):
            if give_up():
                raise GaveUp


@define
class Readers:
    """The connections to a listening socket, which is closed with them.

    `poller` watches them and the socket. `give_up` is called from time to time while a reader is
    slow; True ends the wait.
    """

    _listening: socket.socket
    _poller: select.poll
    _give_up: Callable[[], bool]
    _present: dict[int, Reader] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._listening.setblocking(False)
        self._poller.register(self._listening, select.POLLIN)

    def attend(self, ready: Container[int]) -> list[tuple[Reader, bytes]]:
        """Accept a connection and read those that are ready; returns the new subscriptions."""
        if self._listening.fileno() in ready:
            self._accept()
        new: list[tuple[Reader, bytes]] = []
        for reader in list(self._present.values()):
            if reader.descriptor in ready:
                topics = reader.receive()
                if topics is None:
                    self._drop(reader)
                else:
                    new += [(reader, topic) for topic in topics]
        return new

    def send(self, messages: Sequence[TopicMessage]) -> None:
        """Write to each reader the messages that it has subscribed to; raises `GaveUp`."""
        for reader in list(self._present.values()):
            wants = reader.subscriber.wants
            self.send_to(
                reader, b"".join([message.data for message in messages if wants(message.topic)])
            )

    def send_to(self, reader: Reader, data: bytes) -> None:
        """Write to one reader, and drop it on an error; raises `GaveUp`."""
        try:
            reader.send(data, self._give_up)
        except OSError:
            self._drop(reader)

    def close(self) -> None:
        """Close all sockets. Readers can still read what was sent."""
        self._listening.close()
        for reader in self._present.values():
            reader.connection.close()
        self._present.clear()

    def _accept(self) -> None:
        try:
            connection, _ = self._listening.accept()
        except OSError:  # no descriptor is left, or a cell closed our socket
            self._poller.unregister(self._listening)
            return
        try:
            if len(self._present) >= READERS:
                raise OSError("too many readers")
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _HELD)
            connection.send(HELLO, socket.MSG_NOSIGNAL)
            self._poller.register(connection, select.POLLIN)
        except OSError:
            connection.close()
            return
        self._present[connection.fileno()] = Reader(connection)

    def _drop(self, reader: Reader) -> None:
        if self._present.pop(reader.descriptor, None) is not None:
            self._poller.unregister(reader.descriptor)
            reader.connection.close()
