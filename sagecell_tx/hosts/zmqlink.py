"""Signed messages to and from one kernel over ZMQ. The only module that knows txzmq.

Each socket reads in slices, so that a kernel that talks without pause does not keep the
reactor from the others, and stops reading when told, so that ZMQ's queues fill up to their
high-water marks and the kernel waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import txzmq
import zmq
from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from typing_extensions import override

from sagecell_tx.config import Limits
from sagecell_tx.hosts.workdir import SOCKETS
from sagecell_tx.wire import zmqwire
from sagecell_tx.wire.messages import CONTROL, IOPUB, SHELL, STDIN, Message, WireError

_log = Logger()

_READABLE = int(zmq.POLLIN)  # pyzmq's own flags are slow to combine

#: Where a kernel's sockets are, in the naming of jupyter_client's ipc transport.
PORTS = {SHELL: 1, IOPUB: 2, STDIN: 3, CONTROL: 4}
HEARTBEAT_PORT = 5

#: One slice of reading: messages, and bytes.
SLICE_MESSAGES = 16
SLICE_BYTES = 1 << 20

#: Messages that ZMQ keeps while we do not read: 4 MiB of text and files, in pieces of 64 KiB.
WAITING = 64

#: A message from this size on is checked in a thread.
LARGE = 4 << 20


def kernel_socket(directory: Path, port: int) -> str:
    """The ZMQ address of one of a kernel's sockets."""
    return f"ipc://{directory / SOCKETS}/k-{port}"


class Factory(txzmq.ZmqFactory):  # type: ignore[misc]
    """A ZMQ context on the reactor that is handed in."""

    lingerPeriod = 0  # noqa: N815 - a dead kernel's messages must not keep `term` waiting

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        super().__init__()
        # The default is 1,023, and a kernel has up to five.
        self.context.set(zmq.MAX_SOCKETS, 65_536)


class Socket(txzmq.ZmqConnection):  # type: ignore[misc]
    """A socket that reads in slices and can be paused. `received` is given each message."""

    def __init__(
        self,
        factory: Factory,
        socket_type: int,
        address: str,
        received: Callable[[list[bytes]], None],
        *,
        identity: bytes | None = None,
        largest: int = -1,
    ) -> None:
        # ZmqConnection reads as soon as it is made.
        self.socketType = socket_type
        self.highWaterMark = WAITING if socket_type == zmq.SUB else 0
        self.read_scheduled: IDelayedCall | None = None
        self._received = received
        self._paused = False
        self._empty: list[Deferred[None]] = []
        super().__init__(factory, identity=identity)
        self.socket.set(zmq.MAXMSGSIZE, largest)
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

    def pause(self) -> None:
        """Read nothing until `resume`."""
        self._paused = True

    def resume(self) -> None:
        """Read on."""
        if self._paused:
            self._paused = False
            self._read_soon()

    def when_empty(self) -> Deferred[None]:
        """Fires when everything that had arrived is read, paused or not in between."""
        waiter: Deferred[None] = Deferred()
        self._empty.append(waiter)
        self._read_soon()
        return waiter

    @override
    def doRead(self) -> None:
        """Read one slice, and go on in the next turn of the reactor if there is more."""
        if self.read_scheduled is not None and self.read_scheduled.active():
            self.read_scheduled.cancel()
        self.read_scheduled = None
        read = 0
        for _ in range(SLICE_MESSAGES):
            if self._paused or self.factory is None:
                return
            try:
                frames = _receive(self.socket)
            except zmq.Again:
                waiting, self._empty = self._empty, []
                for waiter in waiting:
                    waiter.callback(None)
                return
            read += sum(map(len, frames))
            self._received(frames)
            if read > SLICE_BYTES:
                break
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


@define(kw_only=True, eq=False)
class Link:
    """The sockets of one kernel. `received` is given what it says, checked.

    `rejected` is told each time that a message is dropped, with the word for why;
    `heartbeat_missed` when the kernel was silent for as long as the limit allows.
    """

    factory: Factory
    threads: Any  # a ThreadPool
    directory: Path
    key: bytes
    identity: bytes
    limits: Limits
    received: Callable[[Message], None]
    rejected: Callable[[str], None]
    heartbeat_missed: Callable[[], None]
    _signer: zmqwire.Signer = field(init=False)
    _sockets: dict[str, Socket] = field(factory=dict, init=False)
    _proof: Deferred[None] | None = field(default=None, init=False)
    _held: bool = field(default=False, init=False)
    _checking: bool = field(default=False, init=False)
    _beat: IDelayedCall | None = field(default=None, init=False)
    _heart: Socket | None = field(default=None, init=False)
    _missed: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._signer = zmqwire.Signer(self.key)

    def open(self) -> Deferred[None]:
        """Connect. Fires when the kernel is heard on iopub, so that nothing more is missed."""
        self._proof = Deferred()
        for channel, port in PORTS.items():
            self._sockets[channel] = Socket(
                self.factory,
                zmq.SUB if channel == IOPUB else zmq.DEALER,
                kernel_socket(self.directory, port),
                partial(self._arrived, channel),
                # The kernel asks for input from whom it was sent the request.
                identity=None if channel == IOPUB else self.identity,
                largest=self.limits.kernel_message,
            )
        self._beat = self.factory.reactor.callLater(self.limits.heartbeat, self._beat_once)
        return self._proof

    def send(self, message: Message) -> None:
        """Sign and send."""
        socket = self._sockets.get(message.channel)
        if socket is not None:
            socket.send(zmqwire.encode(message, self._signer))

    def pause(self) -> None:
        """Stop reading what the kernel publishes."""
        self._held = True
        if self._sockets:
            self._sockets[IOPUB].pause()

    def resume(self) -> None:
        """Read on."""
        self._held = False
        if self._sockets and not self._checking:
            self._sockets[IOPUB].resume()

    def drain(self) -> Deferred[None]:
        """Fires when everything that the kernel had sent is received."""
        if not self._sockets:
            return succeed(None)
        shell = self._sockets[SHELL].when_empty()
        return shell.addCallback(lambda _: self._sockets[IOPUB].when_empty())

    def close(self) -> None:
        """Let the sockets go."""
        sockets, self._sockets = list(self._sockets.values()), {}
        if self._heart is not None:
            sockets.append(self._heart)
            self._heart = None
        for socket in sockets:
            socket.shutdown()
        if self._beat is not None and self._beat.active():
            self._beat.cancel()

    def _arrived(self, channel: str, frames: list[bytes]) -> None:
        if sum(map(len, frames)) >= LARGE:
            self._check_aside(channel, frames)
            return
        try:
            message = zmqwire.decode(channel, frames, self._signer)
        except WireError as error:
            self.rejected(error.code)
            return
        self._deliver(message)

    def _deliver(self, message: Message) -> None:
        self.received(message)
        if self._proof is not None and message.channel == IOPUB:
            proof, self._proof = self._proof, None
            proof.callback(None)

    def _check_aside(self, channel: str, frames: list[bytes]) -> None:
        """Check a large message in a thread; nothing else of its channel is read meanwhile."""
        socket = self._sockets[channel]
        self._checking = True
        socket.pause()
        checked = deferToThreadPool(
            self.factory.reactor,
            self.threads,
            zmqwire.decode,
            channel,
            frames,
            self._signer,
        )

        def refuse(failure: Any) -> None:
            failure.trap(WireError)
            self.rejected(failure.value.code)

        def go_on(_: object) -> None:
            self._checking = False
            if not (self._held and channel == IOPUB):
                socket.resume()

        checked.addCallbacks(self._deliver, refuse)
        checked.addErrback(lambda failure: _log.failure("a large message", failure))
        checked.addCallback(go_on)

    def _beat_once(self) -> None:
        """Ask for an echo, and count the times that the last one did not come."""
        if self._heart is None:
            # Made late: most kernels are gone before their first beat.
            self._heart = Socket(
                self.factory,
                zmq.DEALER,
                kernel_socket(self.directory, HEARTBEAT_PORT),
                self._echoed,
            )
        elif self._missed >= self.limits.heartbeats_missed:
            self.heartbeat_missed()
            return
        self._missed += 1
        self._heart.send([b"", b"beat"])
        self._beat = self.factory.reactor.callLater(self.limits.heartbeat, self._beat_once)

    def _echoed(self, frames: list[bytes]) -> None:
        self._missed = 0
