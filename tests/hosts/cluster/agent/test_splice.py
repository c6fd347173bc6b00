"""A splice of a stream over TLS with a kernel's socket, both in memory."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.task import Clock

from sagecell_tx.hosts.channels.bytestream import Pausable
from sagecell_tx.hosts.channels.rests import PROMPT, REST, RequestCount
from sagecell_tx.hosts.cluster.agent.splice import AGAIN, Splice
from tests.hosts.cluster.doubles import MemoryTransport


@define(eq=False)
class NearDouble:
    """A kernel's socket: a `ByteStream` that the test plays."""

    on_data: Callable[[bytes], None]
    on_close: Callable[[], None]
    other: Pausable | None = None
    written: bytes = b""
    does: list[str] = field(factory=list)
    unread_for: set[str] = field(factory=set)

    def read(self) -> None:
        self.does.append("read")

    def pause(self, why: str) -> None:
        self.unread_for.add(why)

    def resume(self, why: str) -> None:
        self.unread_for.discard(why)

    def write(self, data: bytes) -> None:
        self.written += data

    def close_when_written(self) -> None:
        self.does.append("close when written")

    def close(self) -> None:
        self.does.append("close")


class Bench:
    def __init__(self, *, fails: int = 0, starting: bool = True) -> None:
        self.clock = Clock()
        self.fails = fails
        self.starting = starting
        self.opened: list[int] = []
        self.near: NearDouble | None = None
        self.transport = MemoryTransport()
        self.requests = RequestCount()
        self.splice = Splice(
            clock=self.clock,
            port=3,
            open_near=self.open,
            is_starting=lambda: self.starting,
            requests=self.requests,
        )
        self.splice.far.connect(self.transport)
        self.splice.begin()

    def open(
        self, port: int, on_data: Callable[[bytes], None], on_close: Callable[[], None]
    ) -> NearDouble:
        self.opened.append(port)
        if len(self.opened) <= self.fails:
            raise ConnectionRefusedError
        self.near = NearDouble(on_data, on_close)
        return self.near


def joined() -> tuple[Bench, NearDouble]:
    bench = Bench()
    assert bench.near is not None
    return bench, bench.near


def test_data_passes_both_ways():
    bench, near = joined()
    assert near.does == ["read"]
    near.on_data(b"from the kernel")
    bench.splice.far.received(b"to the kernel")
    assert (bench.transport.written, near.written) == (b"from the kernel", b"to the kernel")


def test_what_one_side_does_not_take_keeps_the_other_from_being_read():
    bench, near = joined()
    bench.transport.producer.pauseProducing()
    assert near.unread_for == {"unwritten"}
    bench.transport.producer.resumeProducing()
    assert near.unread_for == set()
    assert near.other is bench.splice.far


def test_a_kernel_that_goes_on_is_read_after_a_rest():
    bench, near = joined()
    for _ in range(PROMPT):
        near.on_data(b"x")
    assert near.unread_for == set()
    near.on_data(b"x")
    assert near.unread_for == {"rest"}
    bench.clock.advance(REST)
    assert near.unread_for == set()
    bench.splice.far.received(b"a request")
    near.on_data(b"x")
    assert near.unread_for == set()


def test_a_request_on_another_stream_of_the_kernel_ends_the_rests():
    bench, near = joined()
    for _ in range(PROMPT):
        near.on_data(b"x")
    bench.requests.count += 1
    near.on_data(b"x")
    assert near.unread_for == set()


def test_closed_while_it_rests():
    bench, near = joined()
    for _ in range(PROMPT + 1):
        near.on_data(b"x")
    bench.splice.close()
    assert bench.clock.getDelayedCalls() == []


def test_the_last_words_of_a_kernel_are_sent():
    bench, near = joined()
    near.on_data(b"last")
    near.on_close()
    assert (bench.transport.written, bench.transport.closed) == (b"last", "lost")


def test_a_web_process_that_closes():
    bench, near = joined()
    bench.splice.far.lost()
    assert near.does == ["read", "close"]


def test_a_socket_that_does_not_listen_yet_is_tried_again():
    bench = Bench(fails=2)
    bench.splice.far.received(b"early")
    bench.clock.pump([AGAIN, AGAIN])
    assert bench.opened == [3, 3, 3]
    assert bench.near is not None
    assert bench.near.written == b"early"


def test_but_not_once_the_kernel_is_up():
    bench = Bench(fails=1, starting=False)
    assert bench.transport.closed == "aborted"
    assert bench.clock.getDelayedCalls() == []


def test_closed_while_it_tries():
    bench = Bench(fails=10)
    bench.splice.close()
    bench.clock.advance(AGAIN)
    assert bench.opened == [3]
