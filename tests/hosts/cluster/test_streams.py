"""Streams to one machine, over connections in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from sagecell_tx.hosts.cluster.streams import (
    AGAIN,
    AT_ONCE,
    FILLING,
    PATIENCE,
    REFILL,
    SPARES,
    Streams,
)
from tests.hosts.cluster.doubles import MemoryTransport


class Bench:
    def __init__(self) -> None:
        self.clock = Clock()
        self.coming: list[tuple[Any, Deferred[Any]]] = []
        self.transports: list[MemoryTransport] = []
        self.got: list[bytes] = []
        self.closes = 0
        self.streams = Streams(clock=self.clock, connect=self.connect, session="secret")
        self.streams.begin()

    def connect(self, factory: Any) -> Deferred[Any]:
        made: Deferred[Any] = Deferred()
        self.coming.append((factory.buildProtocol(None), made))
        return made

    def come(self, count: int = 100) -> None:
        """Let connections be made, as many as are tried."""
        while self.coming and count:
            connection, made = self.coming.pop(0)
            self.transports.append(MemoryTransport())
            connection.makeConnection(self.transports[-1])
            made.callback(connection)
            connection.handshakeCompleted()
            self.connections = [*getattr(self, "connections", []), connection]
            count -= 1

    def open(self, token: str = "t", port: int = 1) -> Any:
        return self.streams.open(token, port, self.got.append, self._closed)

    def _closed(self) -> None:
        self.closes += 1


def test_some_are_connected_before_they_are_needed():
    bench = Bench()
    assert len(bench.coming) == FILLING
    bench.come()
    assert bench.streams.spare == SPARES
    assert all(
        each.messages() == [{"op": "stream", "session": "secret"}] for each in bench.transports
    )


def test_a_spare_one_is_used_at_once_and_replaced_later():
    bench = Bench()
    bench.come()
    first = bench.transports[0]
    first.messages()
    stream = bench.open("token", 2)
    assert first.messages() == [{"op": "open", "token": "token", "port": 2}]
    stream.read()
    bench.connections[0].dataReceived(b"da")
    bench.connections[0].dataReceived(b"ta")
    bench.connections[0].all_received()
    assert bench.got == [b"data"]
    assert bench.coming == []
    bench.clock.advance(REFILL)
    assert len(bench.coming) == 1
    bench.connections[0].connectionLost()
    assert bench.closes == 1


def test_without_a_spare_one_the_next_connection_is_used():
    bench = Bench()
    stream = bench.open("token", 2)
    stream.write(b"early")
    assert len(bench.coming) == FILLING
    bench.come(1)
    (transport,) = bench.transports
    stream_op, open_op, early = transport.written.splitlines()
    assert b"stream" in stream_op
    assert b"token" in open_op
    assert early == b"early"
    assert bench.streams.spare == 0


def test_while_streams_wait_no_spare_ones_are_connected():
    bench = Bench()
    bench.come()
    waiting = [bench.open() for _ in range(SPARES + 2)]
    assert len(bench.coming) == 2
    bench.come()
    assert (bench.streams.waiting, bench.coming) == (0, [])
    bench.clock.advance(REFILL)
    assert len(bench.coming) == FILLING
    bench.come()
    assert bench.streams.spare == SPARES
    assert len(waiting) + SPARES == len(bench.connections)


def test_of_many_that_wait_some_are_connected_at_a_time():
    bench = Bench()
    bench.come()
    for _ in range(SPARES + 2 * AT_ONCE):
        bench.open()
    assert len(bench.coming) == AT_ONCE
    bench.come()
    assert bench.streams.waiting == 0


def test_one_that_is_closed_before_its_connection_leaves_that_to_others():
    bench = Bench()
    bench.open().close()
    bench.come(1)
    assert bench.streams.spare == 1


def test_those_of_kernels_that_were_given_up_are_not_kept():
    bench = Bench()
    for _ in range(100):
        bench.open().close()
    waits = bench.open()
    assert bench.streams.waiting == 1
    bench.come(1)
    assert bench.streams.waiting == 0
    assert not waits.is_closed


def test_a_handshake_that_never_ends_is_given_up():
    bench = Bench()
    for connection, _ in bench.coming:
        bench.transports.append(MemoryTransport())
        connection.makeConnection(bench.transports[-1])
    bench.clock.advance(PATIENCE)
    assert [each.closed for each in bench.transports] == ["aborted"] * FILLING
    silent, bench.coming = bench.coming, []
    for connection, _ in silent:
        connection.connectionLost()
    bench.clock.advance(AGAIN)
    assert len(bench.coming) == FILLING


def test_connections_that_fail_are_tried_again_after_a_while():
    bench = Bench()
    for _, made in list(bench.coming):
        made.errback(ConnectionRefusedError())
    bench.coming.clear()
    bench.clock.advance(AGAIN / 2)
    assert bench.coming == []
    bench.clock.advance(AGAIN / 2)
    assert len(bench.coming) == FILLING


def test_a_spare_one_that_the_agent_closes_or_speaks_on_is_replaced():
    bench = Bench()
    bench.come()
    bench.connections[0].dataReceived(b"nonsense")
    assert bench.transports[0].closed == "aborted"
    for connection in bench.connections[:2]:
        connection.connectionLost()
    assert bench.streams.spare == SPARES - 2
    bench.clock.advance(AGAIN)
    assert len(bench.coming) == 2


def test_closed_it_connects_no_more():
    bench = Bench()
    bench.come(2)
    waiting = [bench.open() for _ in range(3)]
    for stream in waiting:
        stream.read()
    bench.streams.close()
    assert bench.closes == 1  # two of them had a connection
    late, _ = bench.coming[0]
    transport = MemoryTransport()
    late.makeConnection(transport)
    late.handshakeCompleted()
    assert transport.closed == "aborted"
    bench.open().read()
    bench.clock.advance(AGAIN)
    assert bench.closes == 2
    assert bench.clock.getDelayedCalls() == []
