"""A stream over TLS in the form of the relays' streams, on a transport in memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.hosts.cluster.connections.stream import TlsStream
from tests.hosts.cluster.doubles import MemoryTransport, Side


class Bench:
    def __init__(self, *, connected: bool = True) -> None:
        self.got: list[bytes] = []
        self.closes = 0
        self.stream = TlsStream(self.got.append, self._closed)
        self.other = Side()
        self.stream.other = self.other
        self.transport = MemoryTransport()
        if connected:
            self.stream.connect(self.transport)

    def _closed(self) -> None:
        self.closes += 1


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_nothing_is_read_before_it_is_asked_for(bench: Bench):
    bench.stream.received(b"early")
    assert (bench.got, bench.transport.reads) == ([], False)
    bench.stream.read()
    assert (bench.got, bench.transport.reads) == ([b"early"], True)


def test_what_arrives_while_paused_waits(bench: Bench):
    bench.stream.read()
    bench.stream.pause("a")
    bench.stream.pause("b")
    bench.stream.received(b"1")
    bench.stream.received(b"2")
    bench.stream.resume("a")
    assert (bench.got, bench.transport.reads) == ([], False)
    bench.stream.resume("b")
    assert (bench.got, bench.transport.reads) == ([b"12"], True)


def test_a_pause_by_who_gets_the_data_counts_at_once():
    got: list[bytes] = []

    def take(data: bytes) -> None:
        got.append(data)
        stream.pause("full")

    stream = TlsStream(take, lambda: None)
    stream.read()
    stream.received(b"1")
    stream.received(b"2")
    assert got == [b"1"]
    stream.resume("full")
    assert got == [b"1", b"2"]


def test_pieces_of_what_was_read_at_once_are_passed_on_as_one(bench: Bench):
    bench.stream.read()
    bench.stream.arrived(b"1")
    bench.stream.arrived(b"2")
    assert bench.got == []
    bench.stream.deliver()
    bench.stream.deliver()
    assert bench.got == [b"12"]


def test_the_end_comes_after_the_data(bench: Bench):
    bench.stream.received(b"last")
    bench.stream.lost()
    assert bench.closes == 0
    bench.stream.read()
    bench.stream.lost()
    assert (bench.got, bench.closes) == ([b"last"], 1)


def test_what_the_transport_does_not_take_keeps_the_other_side_from_being_read(bench: Bench):
    bench.stream.write(b"x")
    assert bench.transport.written == b"x"
    bench.transport.producer.pauseProducing()
    assert bench.other.unread_for == {"unwritten"}
    bench.transport.producer.resumeProducing()
    assert bench.other.unread_for == set()


def test_what_is_written_before_there_is_a_transport_waits():
    bench = Bench(connected=False)
    bench.stream.write(b"1")
    assert bench.other.unread_for == {"unwritten"}
    bench.stream.connect(bench.transport)
    assert bench.transport.written == b"1"
    assert bench.other.unread_for == set()


def test_one_that_never_gets_a_transport():
    bench = Bench(connected=False)
    bench.stream.read()
    bench.stream.write(b"1")
    bench.stream.lost()
    assert (bench.closes, bench.other.unread_for) == (1, set())


def test_closed_before_there_is_a_transport():
    bench = Bench(connected=False)
    bench.stream.close()
    assert bench.stream.is_closed
    bench.stream.connect(bench.transport)
    assert bench.transport.closed == "aborted"


def test_closed_when_written(bench: Bench):
    bench.stream.write(b"x")
    bench.stream.close_when_written()
    assert (bench.transport.closed, bench.transport.producer) == ("lost", None)


def test_closed_when_written_before_there_is_a_transport():
    bench = Bench(connected=False)
    bench.stream.write(b"x")
    bench.stream.close_when_written()
    bench.stream.connect(bench.transport)
    assert (bench.transport.written, bench.transport.closed) == (b"x", "lost")


def test_closed_at_once_it_says_no_more(bench: Bench):
    bench.stream.received(b"x")
    bench.stream.close()
    bench.stream.close()
    assert bench.transport.closed == "aborted"
    bench.stream.received(b"y")
    bench.stream.lost()
    bench.stream.read()
    bench.stream.write(b"z")
    assert (bench.got, bench.closes, bench.transport.written) == ([], 0, b"")


@given(st.lists(st.sampled_from(["data", "pause", "resume", "lost"]), max_size=30))
def test_all_arrives_in_order_in_whatever_order_it_comes(steps: list[str]):
    bench = Bench()
    bench.stream.read()
    sent: list[bytes] = []
    for number, step in enumerate(steps):
        if step == "data" and "lost" not in steps[:number]:
            sent.append(str(number).encode())
            bench.stream.received(sent[-1])
        elif step == "pause":
            bench.stream.pause("p")
        elif step == "resume":
            bench.stream.resume("p")
        elif step == "lost":
            bench.stream.lost()
    bench.stream.resume("p")
    assert b"".join(bench.got) == b"".join(sent)
    assert bench.closes == ("lost" in steps)
