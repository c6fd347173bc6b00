"""ZMQ sockets on the reactor, with a real peer."""

from __future__ import annotations

from typing import Any

import pytest
import zmq
from pytest_twisted import ensureDeferred
from twisted.internet.defer import Deferred

from sagecell_tx.hosts.channels.zmqsocket import ZmqSocket, ZmqSocketFactory
from sagecell_tx.wire.zmtpwire import weight


class Bench:
    """A socket under test, its peer, and what the socket has received."""

    def __init__(self, address: str) -> None:
        from twisted.internet import reactor  # noqa: TID251 - a test that needs the real one

        self.reactor: Any = reactor
        self.context = zmq.Context()
        self.peer = self.context.socket(zmq.ROUTER)
        self.peer.bind(address)
        self.factory = ZmqSocketFactory(self.reactor)
        self.received: list[list[bytes]] = []
        self.taken: list[tuple[int, int]] = []
        self.socket = ZmqSocket(
            self.factory,
            zmq.DEALER,
            address,
            self.received.append,
            lambda *told: self.taken.append(told),
            identity=b"me",
        )

    def close(self) -> None:
        self.socket.shutdown()
        self.factory.shutdown()
        self.context.destroy(linger=0)

    async def until(self, count: int) -> None:
        """Return when so many messages were received."""
        while len(self.received) < count:
            turn: Deferred = Deferred()
            self.reactor.callLater(0, turn.callback, None)
            await turn


@pytest.fixture
def bench(tmp_path):
    made = Bench(f"ipc://{tmp_path}/s")
    yield made
    made.close()


@ensureDeferred
async def test_what_arrived_is_read_although_a_send_was_the_first_to_notice(bench):
    bench.socket.send([b"asked"])
    assert bench.peer.recv_multipart() == [b"me", b"asked"]
    bench.peer.send_multipart([b"me", b"answered"])
    # `poll` consumes the edge-triggered signal: the reactor does not see it any more.
    assert bench.socket.socket.poll(60_000)
    bench.socket.send([b"asked again"])
    await bench.until(1)
    assert bench.received == [[b"answered"]]


def test_a_send_costs_no_turn_when_nothing_has_arrived(bench):
    bench.socket.send([b"asked"])
    assert bench.socket.read_scheduled is None


@ensureDeferred
async def test_it_is_told_how_much_was_taken(bench):
    bench.socket.send([b"asked"])
    bench.peer.recv_multipart()
    messages = [[b"a", b"x" * n] for n in range(40)]
    for message in messages:
        bench.peer.send_multipart([b"me", *message])
    await bench.until(40)
    assert sum(count for count, _ in bench.taken) == 40
    assert sum(weighed for _, weighed in bench.taken) == sum(map(weight, messages))


@ensureDeferred
async def test_while_there_is_one_reason_it_is_not_read(bench):
    bench.socket.send([b"asked"])
    bench.peer.recv_multipart()
    bench.socket.pause("one")
    bench.socket.pause("other")
    bench.peer.send_multipart([b"me", b"answered"])
    assert bench.socket.socket.poll(60_000)
    bench.socket.resume("one")
    bench.socket.resume("never given")
    bench.socket.doRead()
    assert bench.received == []
    bench.socket.resume("other")
    await bench.until(1)
