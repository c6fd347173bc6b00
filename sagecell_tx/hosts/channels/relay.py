"""A relay between one of a kernel's sockets and our ZMQ socket, which bounds what is read.

ZMQ reads in a thread of its own, whatever its peer sends: it limits the size of a frame but not the
number of frames in a message, and the number of waiting messages but not their bytes. A program
has access to its kernel's end of the connection, so it decides what is sent. A relay counts all
that passes (`wire/zmtpwire.py`), and stops reading while much waits in ZMQ.

A relay has no queue: while one side has unwritten data, the other is not read.

If a kernel goes on sending, the relay rests between two reads (`Rests`), so that many messages wake ZMQ's thread and the
reactor once.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred

from sagecell_tx.hosts.channels.bytestream import ByteStream
from sagecell_tx.hosts.channels.rests import RequestCount, Rests
from sagecell_tx.hosts.channels.unixstream import UnixListener, UnixStream
from sagecell_tx.sessions.waiters import OneShot
from sagecell_tx.wire.messages import WireError
from sagecell_tx.wire.zmtpwire import Meter

#: The weight that may wait in ZMQ, besides the message that is passing.
WAITING = 4 << 20


@define(eq=False)
class Relay:
    """Joins a kernel's socket, which `open_kernel` connects to, with the first connection to `ours`.

    `open_kernel` gets what is to be called with data and at the end. `largest` is what a message of
    the kernel may weigh. `broken` is called, at most once and with both sides closed, when the
    kernel breaks the protocol. `requests` are those to the kernel, on whichever channel. The constructor
    raises `OSError` when the kernel's socket cannot be connected to.
    """

    reactor: Any
    open_kernel: Callable[[Callable[[bytes], None], Callable[[], None]], ByteStream]
    ours: Path
    largest: int
    broken: Callable[[WireError], None]
    requests: RequestCount = field(factory=RequestCount)
    passed: int = field(default=0, init=False)  # bytes from ZMQ to the kernel
    _meter: Meter = field(init=False)
    _kernel: ByteStream = field(init=False)
    _zmq: UnixStream | None = field(default=None, init=False)
    _listener: UnixListener = field(init=False)
    _taken: int = field(default=0, init=False)  # messages
    _waiting: int = field(default=0, init=False)  # the weight that has passed and was not taken
    _rests: Rests = field(init=False)
    _ended: bool = field(default=False, init=False)  # the kernel's side is closed
    _closed: bool = field(default=False, init=False)
    _drained: OneShot[None] = field(factory=OneShot, init=False)

    def __attrs_post_init__(self) -> None:
        self._meter = Meter(self.largest)
        self._kernel = self.open_kernel(self._received, self._kernel_closed)
        self._rests = Rests(self.reactor, self._kernel, self.requests)
        try:
            self._listener = UnixListener(self.reactor, self.ours, self._accepted, self._zmq_closed)
        except OSError:
            self._kernel.close()
            raise

    def taken(self, messages: int, weight: int) -> None:
        """Note that so many messages, of that weight in all, were received from ZMQ."""
        self._taken += messages
        self._waiting -= weight
        if self._waiting <= WAITING // 2:
            self._kernel.resume("much waits")
        self._check_drained()

    def when_drained(self) -> Deferred[None]:
        """Fires when the kernel's side is closed and all its messages are taken, or at `close`."""
        return self._drained.when_fired()

    def close(self) -> None:
        """Close both sides. Harmless if repeated."""
        self._closed = True
        self._rests.stop()
        self._listener.close()
        self._kernel.close()
        if self._zmq is not None:
            self._zmq.close()
        self._check_drained()

    def _accepted(self, connection: socket.socket) -> None:
        """ZMQ has connected: begin to read both sides."""
        self._zmq = UnixStream(self.reactor, connection, self._sent, self._zmq_closed)
        self._zmq.other, self._kernel.other = self._kernel, self._zmq
        self._zmq.read()
        self._kernel.read()

    def _sent(self, data: bytes) -> None:
        """Pass data on to the kernel; nothing more is read while it does not take that."""
        self.passed += len(data)
        self._kernel.write(data)

    def _received(self, data: bytes) -> None:
        """Count data from the kernel, and pass it on."""
        before = self._meter.passed
        try:
            self._meter.feed(data)
        except WireError as error:
            self._break(error)
            return
        self._waiting += self._meter.passed - before
        if self._waiting > WAITING:
            self._kernel.pause("much waits")
        if self._zmq is not None:
            self._zmq.write(data)
        self._rests.read(len(data))

    def _kernel_closed(self) -> None:
        """The kernel's side is closed; the last data may still be unwritten."""
        self._ended = True
        if self._zmq is not None:
            self._zmq.close_when_written()
        self._check_drained()

    def _zmq_closed(self) -> None:
        """ZMQ has closed its side: the kernel broke one of ZMQ's own rules."""
        if not self._ended:
            self._break(WireError("refused", "ZMQ has closed the connection."))

    def _break(self, error: WireError) -> None:
        self.close()
        self.broken(error)

    def _check_drained(self) -> None:
        if self._closed or (self._ended and self._taken >= self._meter.messages):
            self._drained.fire(None)
