"""ZMQ sockets on the reactor. The only module that knows txzmq.

Each socket reads in slices, so that a kernel that talks without pause does not keep the
reactor from the others, and stops reading when told, so that what waits in ZMQ comes to its
bound and the kernel waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import txzmq
import zmq
from twisted.internet.interfaces import IDelayedCall
from typing_extensions import override

from sagecell_tx.wire.zmtpwire import weight

_READABLE = int(zmq.POLLIN)  # pyzmq's own flags are slow to combine

#: One slice of reading: messages, and bytes.
SLICE_MESSAGES = 16
SLICE_BYTES = 1 << 20

#: Messages that ZMQ keeps while we do not read. The relay before it bounds their bytes.
WAITING = 64

#: Milliseconds after which a connection that was lost is made again: no kernel lives so long.
_NEVER = 7 * 24 * 3600 * 1000


class ZmqSocketFactory(txzmq.ZmqFactory):  # type: ignore[misc]
    """A ZMQ context on the reactor that is handed in."""

    lingerPeriod = 0  # noqa: N815 - a dead kernel's messages must not keep `term` waiting

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        super().__init__()
        # The default is 1,023, and a kernel has up to five.
        self.context.set(zmq.MAX_SOCKETS, 65_536)


class ZmqSocket(txzmq.ZmqConnection):  # type: ignore[misc]
    """A socket that reads in slices and can be paused.

    `received` is given each message; `taken` is told, after each slice, how many there were
    and what they weighed (`wire/zmtpwire.py`).
    """

    def __init__(
        self,
        factory: ZmqSocketFactory,
        socket_type: int,
        address: str,
        received: Callable[[list[bytes]], None],
        taken: Callable[[int, int], None],
        *,
        identity: bytes | None = None,
        largest: int = -1,
    ) -> None:
        # ZmqConnection reads as soon as it is made.
        self.socketType = socket_type
        self.highWaterMark = WAITING if socket_type == zmq.SUB else 0
        self.read_scheduled: IDelayedCall | None = None
        self._received = received
        self._taken = taken
        self._unread_for: set[str] = set()
        super().__init__(factory, identity=identity)
        self.socket.set(zmq.MAXMSGSIZE, largest)
        # Whom it connects to is there once.
        self.socket.set(zmq.RECONNECT_IVL, _NEVER)
        if socket_type == zmq.SUB:
            self.socket.set(zmq.SUBSCRIBE, b"")
        self.addEndpoints([txzmq.ZmqEndpoint(txzmq.ZmqEndpointType.connect, address)])

    @override
    def send(self, message: Sequence[bytes]) -> None:
        """Send a multipart message, without waiting."""
        self.socket.send_multipart(message, zmq.NOBLOCK)
        # Sending may have consumed the signal that there is something to read.
        if self.socket.get(zmq.EVENTS) & _READABLE:
            self._read_soon()

    def pause(self, why: str) -> None:
        """Read nothing until no reason is left."""
        self._unread_for.add(why)

    def resume(self, why: str) -> None:
        """One reason is gone."""
        if why in self._unread_for:
            self._unread_for.remove(why)
            if not self._unread_for:
                self._read_soon()

    @override
    def doRead(self) -> None:
        """Read one slice, and go on in the next turn of the reactor if there is more."""
        if self.read_scheduled is not None and self.read_scheduled.active():
            self.read_scheduled.cancel()
        self.read_scheduled = None
        messages = read = 0
        try:
            while messages < SLICE_MESSAGES and read <= SLICE_BYTES:
                if self._unread_for or self.factory is None:
                    return
                frames = _receive(self.socket)
                messages += 1
                read += weight(frames)
                self._received(frames)
        except zmq.Again:
            return
        finally:
            self._taken(messages, read)
        self._read_soon()

    def _read_soon(self) -> None:
        if self.read_scheduled is None and self.factory is not None:
            self.read_scheduled = self.factory.reactor.callLater(0, self.doRead)


def _receive(socket: zmq.Socket[bytes]) -> list[bytes]:
    """The next message; raises `zmq.Again`. Frames know whether another one follows.

    `recv_multipart` asks the socket after each, which takes as long as to receive one.
    """
    frame = socket.recv(zmq.NOBLOCK, copy=False)
    frames = [frame.bytes]
    while frame.more:
        frame = socket.recv(zmq.NOBLOCK, copy=False)
        frames.append(frame.bytes)
    return frames
