"""The sockets of one connection to a controller, with real peers."""

from __future__ import annotations

from typing import Any

import pytest
import zmq
from pytest_twisted import ensureDeferred
from twisted.internet.defer import Deferred

from sagecell_tx.hosts.parallel import protocol
from sagecell_tx.hosts.parallel.hubsockets import HubSockets
from sagecell_tx.hosts.parallel.protocol import ConnectionFile

pytestmark = pytest.mark.integration


class Bench:
    """A connection, and the three sockets of a controller."""

    def __init__(self, *, curve: bool) -> None:
        from twisted.internet import reactor  # noqa: TID251 - a test that needs the real one

        self.reactor: Any = reactor
        self.context = zmq.Context()
        public, secret = zmq.curve_keypair()
        self.peers = {}
        ports = {}
        kinds = {
            protocol.REGISTRATION: zmq.ROUTER,
            protocol.NOTIFICATION: zmq.PUB,
            protocol.MUX: zmq.ROUTER,
        }
        for channel, kind in kinds.items():
            peer = self.peers[channel] = self.context.socket(kind)
            if curve:
                peer.set(zmq.CURVE_SERVER, 1)
                peer.set(zmq.CURVE_SECRETKEY, secret)
            ports[channel] = peer.bind_to_random_port("tcp://127.0.0.1")
        self.received: list[tuple[str, list[bytes]]] = []
        self.file = ConnectionFile(
            host="127.0.0.1", key=b"", server_key=public if curve else None, **ports
        )
        self.sockets = HubSockets(
            self.reactor, self.file, lambda *told: self.received.append(told), "me"
        )

    def close(self) -> None:
        self.sockets.close()
        self.context.destroy(linger=0)

    async def turn(self) -> None:
        """Let the reactor run once."""
        turn: Deferred = Deferred()
        self.reactor.callLater(0, turn.callback, None)
        await turn

    async def asked(self, channel: str) -> list[bytes]:
        """What the controller receives next."""
        while not self.peers[channel].poll(0):
            await self.turn()
        return self.peers[channel].recv_multipart()


@pytest.fixture(params=[True, False], ids=["curve", "plain"])
def bench(request):
    made = Bench(curve=request.param)
    yield made
    made.close()


@ensureDeferred
async def test_each_channel_has_its_socket(bench):
    for channel in (protocol.REGISTRATION, protocol.MUX):
        bench.sockets.send(channel, [b"asked", b"on " + channel.encode()])
        assert await bench.asked(channel) == [b"me", b"asked", b"on " + channel.encode()]
        bench.peers[channel].send_multipart([b"me", b"answered"])
    while not any(channel == protocol.NOTIFICATION for channel, _ in bench.received):
        bench.peers[protocol.NOTIFICATION].send_multipart([b"told"])  # dropped until it subscribes
        await bench.turn()
    while len({channel for channel, _ in bench.received}) < 3:
        await bench.turn()
    assert (protocol.REGISTRATION, [b"answered"]) in bench.received
    assert (protocol.MUX, [b"answered"]) in bench.received
    assert (protocol.NOTIFICATION, [b"told"]) in bench.received


@ensureDeferred
async def test_a_frame_that_is_too_long_ends_the_connection(bench):
    bench.sockets.send(protocol.MUX, [b"asked"])
    await bench.asked(protocol.MUX)
    bench.peers[protocol.MUX].send_multipart([b"me", bytes(protocol.FRAME_LIMIT + 1)])
    bench.peers[protocol.MUX].send_multipart([b"me", b"later"])
    bench.sockets.send(protocol.REGISTRATION, [b"asked"])
    await bench.asked(protocol.REGISTRATION)
    bench.peers[protocol.REGISTRATION].send_multipart([b"me", b"answered"])
    while not bench.received:
        await bench.turn()
    assert bench.received == [(protocol.REGISTRATION, [b"answered"])]


@ensureDeferred
async def test_a_message_of_too_many_frames_ends_the_connection(bench):
    bench.sockets.send(protocol.MUX, [b"asked"])
    await bench.asked(protocol.MUX)
    peer = bench.peers[protocol.MUX]
    most = [b"frame"] * protocol.FRAMES_LIMIT
    peer.send_multipart([b"me", *most])
    peer.send_multipart([b"me", *most, b"one more"])
    peer.send_multipart([b"me", b"later"])
    while len(bench.sockets._sockets) == 3:
        await bench.turn()
    assert bench.received == [(protocol.MUX, most)]
    bench.sockets.send(protocol.MUX, [b"asked again"])  # which is dropped
    bench.sockets.send(protocol.REGISTRATION, [b"asked"])
    assert await bench.asked(protocol.REGISTRATION) == [b"me", b"asked"]


@ensureDeferred
async def test_what_is_not_taken_waits_at_the_controller(bench):
    bench.sockets.send(protocol.MUX, [b"asked"])
    await bench.asked(protocol.MUX)
    bench.sockets._sockets[protocol.MUX].pause("the test reads nothing")
    peer = bench.peers[protocol.MUX]
    peer.set(zmq.ROUTER_MANDATORY, 1)  # waits, where it would drop
    peer.set(zmq.SNDTIMEO, 1000)
    frame = bytes(protocol.FRAME_LIMIT // 2)

    def flood() -> None:
        for _ in range(2000):  # a gigabyte
            peer.send_multipart([b"me", frame])

    with pytest.raises(zmq.Again):
        flood()
