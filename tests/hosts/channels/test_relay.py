"""A relay between two real sockets, whose ends the tests hold."""

from __future__ import annotations

import array
import os
import socket
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from sagecell_tx.hosts.channels.relay import WAITING, Relay
from sagecell_tx.hosts.channels.rests import MUCH, PROMPT, REST
from sagecell_tx.hosts.channels.unixstream import UnixStream, connected
from tests.wire.test_zmtpwire import GREETING, READY, frame, message

#: Bytes that Linux itself may buffer in two sockets.
SYSTEM = 2 << 20


def open_stream(reactor: Any, path: Path, on_data: Any, on_close: Any) -> UnixStream:
    return UnixStream(reactor, connected(path), on_data, on_close)


class Rests(Clock):
    """The reactor, whose timers the test moves on."""

    def __init__(self, reactor: Any) -> None:
        super().__init__()
        self.addReader, self.removeReader = reactor.addReader, reactor.removeReader
        self.addWriter, self.removeWriter = reactor.addWriter, reactor.removeWriter


class Bench:
    """A relay under test, between a `kernel` and `zmq`.

    With `timed`, it rests until the test advances `rests`.
    """

    def __init__(self, largest: int = 8 << 20, *, timed: bool = False) -> None:
        from twisted.internet import reactor  # noqa: TID251 - a test that needs the real one

        self.reactor: Any = reactor
        self.rests = Rests(reactor)
        self.directory = Path(tempfile.mkdtemp(dir="/tmp"))
        self.theirs, self.ours = self.directory / "theirs", self.directory / "ours"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.theirs))
        self.listener.listen()
        self.broken: list[str] = []
        self.relay = Relay(
            reactor=self.rests if timed else self.reactor,
            open_kernel=partial(open_stream, self.reactor, self.theirs),
            ours=self.ours,
            largest=largest,
            broken=lambda error: self.broken.append(error.code),
        )
        self.kernel, _ = self.listener.accept()
        self.kernel.setblocking(False)
        self.zmq = socket.socket(socket.AF_UNIX)
        self.zmq.setblocking(False)

    def join(self) -> None:
        self.zmq.connect(str(self.ours))

    def close(self) -> None:
        self.relay.close()
        for held in (self.listener, self.kernel, self.zmq):
            held.close()
        assert {side.fileno() for side in self.sides()} == {-1}
        self.theirs.unlink()
        self.directory.rmdir()

    def sides(self) -> list[Any]:
        """The sockets that the relay holds."""
        sides = (self.relay._kernel, self.relay._listener, self.relay._zmq)
        return [side for side in sides if side is not None]

    async def turn(self) -> None:
        """Wait for one turn of the reactor."""
        turned: Deferred = Deferred()
        self.reactor.callLater(0, turned.callback, None)
        await turned

    async def read(self, end: socket.socket, count: int) -> bytes:
        """Read so many bytes from an end, or all before it is closed."""
        data = bytearray()
        while len(data) < count:
            try:
                more = end.recv(min(count - len(data), 1 << 20))
            except BlockingIOError:
                await self.turn()
                continue
            except ConnectionResetError:  # closed with unread data
                break
            if not more:
                break
            data += more
        return bytes(data)

    async def write(self, end: socket.socket, data: bytes) -> None:
        """Write all of `data` to an end."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[end.send(rest) :]
            except BlockingIOError:
                await self.turn()

    async def stuff(self, end: socket.socket, data: bytes) -> int:
        """Write `data` repeatedly until the end takes no more; returns the number of bytes."""
        taken = refused = 0
        rest = data
        while refused < 50:
            try:
                sent = end.send(rest)
                taken, refused = taken + sent, 0
                rest = rest[sent:] or data
            except BlockingIOError:
                refused += 1
                await self.turn()
        return taken


def descriptors() -> int:
    """The number of open descriptors of this process."""
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def bench():
    made = Bench()
    yield made
    made.close()


@ensureDeferred
async def test_everything_passes_as_it_was_said(bench):
    bench.join()
    said = GREETING + READY + b"".join(message(b"x" * n, b"y") for n in range(500))
    asked = b"anything at all" * 10_000
    writing = Deferred.fromCoroutine(bench.write(bench.kernel, said))
    assert await bench.read(bench.zmq, len(said)) == said
    await writing
    writing = Deferred.fromCoroutine(bench.write(bench.zmq, asked))
    assert await bench.read(bench.kernel, len(asked)) == asked
    await writing


@ensureDeferred
async def test_there_is_one_way_and_it_is_hidden(bench):
    assert bench.ours.exists()
    bench.join()
    await bench.write(bench.kernel, GREETING)
    await bench.read(bench.zmq, len(GREETING))
    assert not bench.ours.exists()


@ensureDeferred
async def test_parts_without_end(bench):
    bench.join()
    said = GREETING + READY + frame(b"x" * 100_000, more=True) * 200
    writing = Deferred.fromCoroutine(bench.write(bench.kernel, said))
    heard = await bench.read(bench.zmq, len(said))
    assert len(heard) <= 8 << 20
    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        await writing
    assert bench.broken == ["message_too_large"]


@ensureDeferred
async def test_what_is_not_taken_waits_with_the_kernel(bench):
    bench.join()
    await bench.write(bench.kernel, GREETING + READY)
    one = message(b"x" * 60_000)

    async def drink() -> None:
        """Read all data on ZMQ's side."""
        while await bench.read(bench.zmq, 100_000):
            pass

    drinking = Deferred.fromCoroutine(drink())
    said = await bench.stuff(bench.kernel, one)
    assert WAITING <= said <= WAITING + SYSTEM
    assert bench.relay._meter.passed <= WAITING + 100_000
    passed, messages = bench.relay._meter.passed, bench.relay._meter.messages
    rest = len(one) - (said % len(one))
    bench.relay.taken(messages, passed)
    await bench.write(bench.kernel, one[-rest:])
    assert await bench.stuff(bench.kernel, one) >= WAITING // 2
    bench.relay.taken(0, WAITING)
    bench.kernel.close()
    await drinking
    assert not bench.broken


@ensureDeferred
async def test_who_does_not_read_keeps_the_other_from_being_read(bench):
    bench.join()
    await bench.write(bench.kernel, GREETING + READY)
    assert await bench.stuff(bench.zmq, b"asked" * 10_000) <= SYSTEM
    assert await bench.stuff(bench.kernel, message(b"x" * 60_000)) <= SYSTEM


@ensureDeferred
async def test_last_words_arrive_although_they_are_waited_for(bench):
    bench.join()
    said = GREETING + READY + message(b"x" * 60_000) * 20
    await bench.stuff(bench.zmq, b"asked, and never heard" * 10_000)
    writing = Deferred.fromCoroutine(bench.write(bench.kernel, said))
    drained = bench.relay.when_drained()
    heard = await bench.read(bench.zmq, 100_000)
    heard += await bench.read(bench.zmq, len(said) - len(heard) - 60_000)
    await writing
    bench.kernel.close()
    heard += await bench.read(bench.zmq, 1 << 30)
    assert heard == said
    assert not drained.called
    bench.relay.taken(19, 0)
    assert not drained.called
    bench.relay.taken(1, 0)
    await drained


@ensureDeferred
async def test_half_a_message_is_not_waited_for(bench):
    bench.join()
    await bench.write(bench.kernel, GREETING + READY + message(b"whole") + message(b"cut")[:-1])
    bench.kernel.close()
    await bench.read(bench.zmq, 1 << 30)
    bench.relay.taken(1, 0)
    await bench.relay.when_drained()
    assert not bench.broken


@ensureDeferred
async def test_a_request_to_a_kernel_that_is_gone_does_not_cost_its_last_words(bench):
    said = GREETING + READY + message(b"last")
    await bench.write(bench.kernel, said)
    bench.kernel.close()
    bench.join()
    await bench.write(bench.zmq, b"asked")
    assert await bench.read(bench.zmq, 1 << 30) == said
    assert not bench.broken


@ensureDeferred
async def test_descriptors_that_come_along_are_not_kept(bench):
    bench.join()
    before = descriptors()
    for byte in GREETING:
        files = array.array("i", [bench.listener.fileno()] * 200)
        bench.kernel.sendmsg(
            [bytes([byte])], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files.tobytes())]
        )
    assert await bench.read(bench.zmq, len(GREETING)) == GREETING
    assert descriptors() <= before


@ensureDeferred
async def test_something_else_than_zmq(bench):
    bench.join()
    await bench.write(bench.kernel, b"GET / HTTP/1.1\r\n")
    assert await bench.read(bench.zmq, 100) == b""
    assert bench.broken == ["not_zmtp"]


@ensureDeferred
async def test_zmq_refuses(bench):
    bench.join()
    await bench.write(bench.kernel, GREETING)
    await bench.read(bench.zmq, len(GREETING))
    bench.zmq.close()
    assert await bench.read(bench.kernel, 100) == b""
    assert bench.broken == ["refused"]


@ensureDeferred
async def test_closed_before_anybody_came(bench):
    drained = bench.relay.when_drained()
    bench.relay.close()
    await drained
    assert not bench.ours.exists()
    assert await bench.read(bench.kernel, 100) == b""
    bench.relay.close()
    assert not bench.broken


def test_there_is_no_kernel(tmp_path):
    before = descriptors()
    with pytest.raises(FileNotFoundError):
        Relay(
            reactor=None,
            open_kernel=partial(open_stream, None, tmp_path / "theirs"),
            ours=tmp_path / "ours",
            largest=1,
            broken=lambda error: None,
        )
    assert descriptors() == before
    assert not (tmp_path / "ours").exists()


@pytest.mark.parametrize("link", ["the socket", "its directory"])
def test_no_link_leads_elsewhere(tmp_path, link):
    other, own = tmp_path / "other", tmp_path / "own"
    other.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(other / "k-5"))
        listener.listen()
        connected(other / "k-5").close()
        if link == "the socket":
            own.mkdir()
            (own / "k-5").symlink_to(other / "k-5")
        else:
            own.symlink_to(other)
        before = descriptors()
        with pytest.raises(OSError, match=r"Not a directory|refused|symbolic"):
            connected(own / "k-5")
        assert descriptors() == before


@pytest.fixture
def flood():
    """A relay whose kernel has sent so much since the last request that it rests from now on."""
    made = Bench(timed=True)
    made.join()
    yield made
    made.close()
    assert made.rests.getDelayedCalls() == []


async def passes(bench: Bench, data: bytes) -> bool:
    """Whether what the kernel sends is read by the relay in the next turns of the reactor."""
    await bench.write(bench.kernel, data)
    for _ in range(5):
        await bench.turn()
    try:
        return bench.zmq.recv(len(data)) == data
    except BlockingIOError:
        return False


async def exhaust(bench: Bench) -> None:
    """Let the kernel send until the relay rests."""
    assert await passes(bench, GREETING + READY)
    for _ in range(PROMPT):
        assert await passes(bench, message(b"x"))


@ensureDeferred
async def test_a_kernel_that_goes_on_is_read_after_a_rest(flood):
    await exhaust(flood)
    assert not await passes(flood, message(b"first"))
    assert not await passes(flood, message(b"second"))
    flood.rests.advance(REST)
    both = message(b"first") + message(b"second")
    assert await flood.read(flood.zmq, len(both)) == both
    flood.rests.advance(REST)
    assert await passes(flood, message(b"after some time"))


@ensureDeferred
async def test_after_a_request_it_is_read_at_once(flood):
    await exhaust(flood)
    flood.rests.advance(REST)
    flood.relay.requests.count += 1
    for _ in range(PROMPT):
        assert await passes(flood, message(b"x"))


@ensureDeferred
async def test_what_is_long_is_read_without_a_rest(flood):
    await exhaust(flood)
    flood.rests.advance(REST)
    for _ in range(3):
        assert await passes(flood, message(b"x" * MUCH))
        assert await passes(flood, message(b"the end of what is long"))


@ensureDeferred
async def test_the_end_of_a_kernel_is_seen_after_a_rest(flood):
    await exhaust(flood)
    assert not await passes(flood, message(b"last words"))
    flood.kernel.close()
    flood.rests.advance(REST)
    last = message(b"last words")
    assert await flood.read(flood.zmq, len(last)) == last
    flood.rests.advance(REST)
    assert await flood.read(flood.zmq, 1) == b""


@ensureDeferred
async def test_a_relay_that_is_closed_while_it_rests(flood):
    await exhaust(flood)
    assert not await passes(flood, message(b"x"))
    flood.relay.close()
