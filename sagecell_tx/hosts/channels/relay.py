"""Between one of a kernel's sockets and the ZMQ socket of ours that talks with it.

ZMQ reads in a thread of its own, whatever its peer sends: it bounds a part of a message but
not how many there are, and how many messages wait but not their bytes. A program has its
kernel's end of the connection, so it decides what is sent. Here everything passes through
our hands, is counted (`wire/zmtpwire.py`), and passes only while little waits.

A relay has no buffer: what one side does not take at once keeps the other from being read.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred

from sagecell_tx.hosts.channels.unixstream import UnixListener, UnixStream, connected
from sagecell_tx.sessions.waiters import OneShot
from sagecell_tx.wire.messages import WireError
from sagecell_tx.wire.zmtpwire import Meter

#: What may wait in ZMQ until it is asked for, by weight, besides the message that is passing.
WAITING = 4 << 20


@define(eq=False)
class Relay:
    """Joins a kernel's socket at `theirs` with the first who connects to `ours`.

    `largest` is what a message of the kernel may weigh. `broken` is told when the kernel
    breaks a rule: once, and when both sides are closed. Making one raises `OSError` when the
    kernel's socket cannot be connected to.
    """

    reactor: Any
    theirs: Path
    ours: Path
    largest: int
    broken: Callable[[WireError], None]
    _meter: Meter = field(init=False)
    _kernel: UnixStream = field(init=False)
    _zmq: UnixStream | None = field(default=None, init=False)
    _listener: UnixListener = field(init=False)
    _taken: int = field(default=0, init=False)  # messages
    _waiting: int = field(default=0, init=False)  # what has passed and was not taken, by weight
    _ended: bool = field(default=False, init=False)  # the kernel says nothing more
    _closed: bool = field(default=False, init=False)
    _drained: OneShot[None] = field(factory=OneShot, init=False)

    def __attrs_post_init__(self) -> None:
        self._meter = Meter(self.largest)
        self._kernel = UnixStream(
            self.reactor, connected(self.theirs), self._received, self._kernel_closed
        )
        try:
            self._listener = UnixListener(self.reactor, self.ours, self._accepted, self._zmq_closed)
        except OSError:
            self._kernel.close()
            raise

    def taken(self, messages: int, weight: int) -> None:
        """ZMQ was asked for so many messages, of that weight in all, and had them."""
        self._taken += messages
        self._waiting -= weight
        if self._waiting <= WAITING // 2:
            self._kernel.resume("much waits")
        self._look_if_drained()

    def when_drained(self) -> Deferred[None]:
        """Fires when the kernel's side is closed and all that it had said is taken."""
        return self._drained.when_fired()

    def close(self) -> None:
        """Let both sides go."""
        self._closed = True
        self._listener.close()
        self._kernel.close()
        if self._zmq is not None:
            self._zmq.close()
        self._look_if_drained()

    def _accepted(self, connection: socket.socket) -> None:
        """ZMQ is there, so what the kernel says has somewhere to go."""
        self._zmq = UnixStream(self.reactor, connection, self._kernel.write, self._zmq_closed)
        self._zmq.other, self._kernel.other = self._kernel, self._zmq
        self._zmq.read()
        self._kernel.read()

    def _received(self, data: bytes) -> None:
        """The kernel said something."""
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

    def _kernel_closed(self) -> None:
        """The kernel's side is closed. What was said last may still be on its way."""
        self._ended = True
        if self._zmq is not None:
            self._zmq.close_when_written()
        self._look_if_drained()

    def _zmq_closed(self) -> None:
        """ZMQ does not want what the kernel says, for a rule of its own."""
        if not self._ended:
            self._break(WireError("refused", "ZMQ has closed the connection."))

    def _break(self, error: WireError) -> None:
        self.close()
        self.broken(error)

    def _look_if_drained(self) -> None:
        if self._closed or (self._ended and self._taken >= self._meter.messages):
            self._drained.fire(None)
