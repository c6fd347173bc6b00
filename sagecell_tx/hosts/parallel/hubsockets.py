"""The ZMQ sockets of one connection to a controller of ipyparallel."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import zmq
from attrs import define, field
from twisted.logger import Logger

from sagecell_tx.hosts.channels.zmqsocket import ZmqSocket, ZmqSocketFactory
from sagecell_tx.hosts.parallel import protocol
from sagecell_tx.hosts.parallel.protocol import ConnectionFile

_log = Logger()

_TYPES = {
    protocol.REGISTRATION: zmq.DEALER,
    protocol.NOTIFICATION: zmq.SUB,
    protocol.MUX: zmq.DEALER,
}

#: Messages that wait in ZMQ until they are read; the controller keeps the others. Whoever has an engine's connection file can send
#: any over mux, and a frame may have a megabyte.
WAITING = 64


@define(eq=False)
class HubSockets:
    """A `HubConnection` over three sockets, which are not connected again when they are cut.

    It has a ZMQ context of its own: whatever a controller sends, or how long its name takes to be
    looked up, kernels' sockets have another thread. The sockets are encrypted with a key pair of their own if the controller has a public key.
    `identity` is the name under which the controller answers: another one for each connection,
    since a controller refuses a name that it believes to be connected still.
    """

    _reactor: Any
    _file: ConnectionFile
    _received: Callable[[str, list[bytes]], None]
    _identity: str
    _factory: ZmqSocketFactory = field(init=False)
    _sockets: dict[str, ZmqSocket] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._factory = ZmqSocketFactory(self._reactor)
        for channel, kind in _TYPES.items():
            self._sockets[channel] = ZmqSocket(
                self._factory,
                kind,
                self._file.address(channel),
                partial(self._received, channel),
                _taken,
                identity=self._identity.encode("ascii"),
                largest=protocol.FRAME_LIMIT,
                server_key=self._file.server_key,
                waiting=WAITING,
                most_frames=protocol.FRAMES_LIMIT,
                overfull=partial(self._cut, channel),
            )

    def send(self, channel: str, frames: list[bytes]) -> None:
        """Send, or drop the message if its queue is full, or its socket cut: it will be sent again."""
        socket = self._sockets.get(channel)
        if socket is None:
            return
        try:
            socket.send(frames)
        except zmq.Again:
            _log.warn("dropped a message to a controller, which takes none")

    def close(self) -> None:
        """Close all sockets."""
        self._sockets.clear()
        self._factory.shutdown()

    def _cut(self, channel: str) -> None:
        """A socket is shut down: its messages have too many frames."""
        del self._sockets[channel]
        _log.warn(
            "a controller sent a message of more than {most} frames ({channel}): that connection is closed",
            most=protocol.FRAMES_LIMIT,
            channel=channel,
        )


def _taken(messages: int, weight: int) -> None:
    """Nobody waits for room: there is no relay."""
