"""ZMQ sockets on the reactor. The only module that uses txzmq.

Each socket reads in slices, so that a kernel that sends without pause does not block the reactor.
A paused socket reads nothing, so that ZMQ's queue fills up and the kernel has to wait.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

import txzmq
import zmq
from twisted.internet.interfaces import IDelayedCall
from typing_extensions import override

from sagecell_tx.wire.zmtpwire import weight

# Numbers, since pyzmq's own flags are slow to combine.
_READABLE = int(zmq.POLLIN)
_LAST = int(zmq.NOBLOCK)
_MORE = _LAST | int(zmq.SNDMORE)

#: The size of one slice of reading, in messages and in bytes.
SLICE_MESSAGES = 16
SLICE_BYTES = 1 << 20

#: Messages that ZMQ queues while the socket is paused. The relay limits their bytes.
WAITING = 64

#: Milliseconds before a lost connection is made again: longer than a kernel lives.
_NEVER = 7 * 24 * 3600 * 1000


class TooManyFrames(Exception):
    """A message has more frames than a socket takes."""


class ZmqSocketFactory(txzmq.ZmqFactory):  # type: ignore[misc]
    """A ZMQ context, whose sockets use the given reactor."""

    lingerPeriod = 0  # noqa: N815 - a dead kernel's messages must not keep `term` waiting

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        super().__init__()
        # The default is 1,023, and a kernel has up to five.
        self.context.set(zmq.MAX_SOCKETS, 65_536)


class ZmqSocket(txzmq.ZmqConnection):  # type: ignore[misc]
    """A socket that reads in slices and can be paused.

    `received` is called with the frames of each message; `taken`, after each slice, with the number
    of messages and their weight (`wire/zmtpwire.py`). With `server_key`, the public key of the other end, the connection
    is encrypted by CURVE, with a key pair of its own. Except for SUB, ZMQ queues `waiting` messages
    that are not read yet; 0: as many as there are, which a relay bounds. A message of more than `most_frames` is not
    read to its end: the socket is shut down, and `overfull` is called. ZMQ has all of it by then, as it tells of a message when
    its last frame has arrived.
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
        server_key: bytes | None = None,
        waiting: int = 0,
        most_frames: float = inf,
        overfull: Callable[[], None] = lambda: None,
    ) -> None:
        # Set first: ZmqConnection's constructor begins to read.
        self.socketType = socket_type
        self.highWaterMark = WAITING if socket_type == zmq.SUB else 0
        self.read_scheduled: IDelayedCall | None = None
        self._received = received
        self._taken = taken
        self._most_frames, self._overfull = most_frames, overfull
        self._unread_for: set[str] = set()
        super().__init__(factory, identity=identity)
        if socket_type != zmq.SUB:
            self.socket.set(zmq.RCVHWM, waiting)
        self.socket.set(zmq.MAXMSGSIZE, largest)
        # A relay accepts only one connection, and the hub is connected to with new sockets.
        self.socket.set(zmq.RECONNECT_IVL, _NEVER)
        if server_key is not None:
            public, secret = zmq.curve_keypair()
            self.socket.set(zmq.CURVE_SERVERKEY, server_key)
            self.socket.set(zmq.CURVE_PUBLICKEY, public)
            self.socket.set(zmq.CURVE_SECRETKEY, secret)
        if socket_type == zmq.SUB:
            self.socket.set(zmq.SUBSCRIBE, b"")
        self.addEndpoints([txzmq.ZmqEndpoint(txzmq.ZmqEndpointType.connect, address)])

    @override
    def send(self, message: Sequence[bytes]) -> None:
        """Send a multipart message without blocking; raises `zmq.Again` if it cannot be queued."""
        # pyzmq's `send_multipart` combines flags for each frame, which takes longer than to send it.
        *frames, last = message
        for frame in frames:
            self.socket.send(frame, _MORE)
        self.socket.send(last, _LAST)
        # Sending may have consumed the edge-triggered signal that messages are readable.
        if self.socket.get(zmq.EVENTS) & _READABLE:
            self._read_soon()

    def pause(self, why: str) -> None:
        """Stop reading until every reason is resumed."""
        self._unread_for.add(why)

    def resume(self, why: str) -> None:
        """Remove one reason; reads again if it was the last."""
        if why in self._unread_for:
            self._unread_for.remove(why)
            if not self._unread_for:
                self._read_soon()

    @override
    def doRead(self) -> None:
        """Read one slice, and schedule the next one if there may be more."""
        if self.read_scheduled is not None and self.read_scheduled.active():
            self.read_scheduled.cancel()
        self.read_scheduled = None
        messages = read = 0
        try:
            while messages < SLICE_MESSAGES and read <= SLICE_BYTES:
                if self._unread_for or self.factory is None:
                    return
                frames = _receive(self.socket, self._most_frames)
                messages += 1
                read += weight(frames)
                self._received(frames)
        except zmq.Again:
            return
        except TooManyFrames:
            self.shutdown()
            self._overfull()
            return
        finally:
            self._taken(messages, read)
        self._read_soon()

    def _read_soon(self) -> None:
        if self.read_scheduled is None and self.factory is not None:
            self.read_scheduled = self.factory.reactor.callLater(0, self.doRead)


def _receive(socket: zmq.Socket[bytes], most: float) -> list[bytes]:
    """The frames of the next message; raises `zmq.Again`, and `TooManyFrames` when there are more than `most`.

    Faster than `recv_multipart`, which asks the socket after each frame whether another follows,
    although the frame knows.
    """
    frame = socket.recv(zmq.NOBLOCK, copy=False)
    frames = [frame.bytes]
    while frame.more:
        if len(frames) >= most:
            raise TooManyFrames
        frame = socket.recv(zmq.NOBLOCK, copy=False)
        frames.append(frame.bytes)
    return frames
