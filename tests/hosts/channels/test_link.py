"""The link to a kernel, with real sockets and a peer that plays the kernel."""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import zmq
from attrs import evolve
from jupyter_client.session import Session
from pytest_twisted import ensureDeferred
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.python.threadpool import ThreadPool

from sagecell_tx.hosts.channels.link import LARGE, KernelLink, kernel_socket
from sagecell_tx.hosts.channels.unixstream import UnixStream, connected
from sagecell_tx.hosts.channels.zmqsocket import SLICE_MESSAGES, ZmqSocketFactory
from sagecell_tx.limits import LifetimeLimits, MessageLimits
from sagecell_tx.wire.messages import CONTROL, IOPUB, SHELL, STDIN, Message, originate

KEY = b"0123456789abcdef"


def control(msg_id: str) -> Message:
    """A message on control."""
    return originate(CONTROL, "x", {}, session="s", msg_id=msg_id, date="2026-01-01")


class Peer:
    """A kernel's sockets, with messages made by jupyter_client."""

    def __init__(self, directory: Path, key: bytes = KEY) -> None:
        self.context = zmq.Context()
        self.session = Session(key=key)
        kinds = {1: zmq.ROUTER, 2: zmq.XPUB, 3: zmq.ROUTER, 4: zmq.ROUTER, 5: zmq.ROUTER}
        self.sockets = {}
        for port, kind in kinds.items():
            socket = self.sockets[port] = self.context.socket(kind)
            socket.linger = 0
            socket.rcvtimeo = socket.sndtimeo = 60_000
            socket.bind(f"ipc://{kernel_socket(directory, port)}")

    def welcome(self) -> None:
        """Wait for the subscription and publish a welcome, as ipykernel does."""
        assert self.sockets[2].recv() == b"\x01"
        self.publish("iopub_welcome", {"subscription": ""})

    def publish(self, msg_type: str, content: dict) -> None:
        self.session.send(self.sockets[2], msg_type, content)

    def close(self) -> None:
        self.context.destroy(linger=0)


class Bench:
    """A link under test, its peer, and what the link has received."""

    def __init__(self) -> None:
        from twisted.internet import reactor  # noqa: TID251 - a test that needs the real one

        self.reactor: Any = reactor
        self.directory = Path(tempfile.mkdtemp(dir="/tmp"))
        (self.directory / "ipc").mkdir()
        self.relays = self.directory / "relays"
        self.relays.mkdir()
        self.peer = Peer(self.directory)
        self.factory = ZmqSocketFactory(self.reactor)
        self.link: Any = None
        self.threads = ThreadPool(1, 1)
        self.threads.start()
        self.received: list = []
        self.slices: list[int] = []  # how many messages there were after each
        self.rejected: list[str] = []
        self.broken: list[tuple[str, str]] = []
        self.waiting: list[tuple[int, Deferred]] = []
        self.silence: Deferred[None] = Deferred()

    def close(self) -> None:
        if self.link is not None:
            self.link.close()
        self.factory.shutdown()
        self.threads.stop()
        self.peer.close()
        shutil.rmtree(self.directory)

    def open(
        self,
        lifetime: LifetimeLimits | None = None,
        messages: MessageLimits | None = None,
        late: frozenset[str] = frozenset({CONTROL}),
    ) -> Deferred:
        self.link = KernelLink(
            factory=self.factory,
            threads=self.threads,
            open_stream=self.open_stream,
            relays=self.relays,
            name="7",
            key=KEY,
            identity=b"me",
            lifetime=lifetime or LifetimeLimits(),
            messages=messages or MessageLimits(),
            received=self.take,
            slice_over=lambda: self.slices.append(len(self.received)),
            rejected=self.rejected.append,
            heartbeat_missed=lambda: self.silence.callback(None),
            broken=lambda channel, error: self.broken.append((channel, error.code)),
        )
        self.link.late = late
        proven = self.link.open()
        return deferToThread(self.peer.welcome).addCallback(lambda _: proven)

    def open_stream(self, port: int, on_data: Any, on_close: Any) -> UnixStream:
        connection = connected(kernel_socket(self.directory, port))
        return UnixStream(self.reactor, connection, on_data, on_close)

    def request(self) -> None:
        """Send a request, which the kernel does not answer."""
        self.link.send(
            originate(SHELL, "x_request", {}, session="s", msg_id="m", date="2026-01-01")
        )

    def take(self, message) -> None:
        self.received.append(message)
        for entry in list(self.waiting):
            if len(self.received) >= entry[0]:
                self.waiting.remove(entry)
                entry[1].callback(None)

    def when_received(self, count: int) -> Deferred:
        """Fires when so many messages were received in all, including the welcome."""
        waiter: Deferred = Deferred()
        if len(self.received) >= count:
            waiter.callback(None)
        else:
            self.waiting.append((count, waiter))
        return waiter

    @contextmanager
    def checking_nothing(self) -> Iterator[None]:
        """Large messages are not checked before the end of the block."""
        end = threading.Event()
        self.threads.callInThread(end.wait)
        try:
            yield
        finally:
            end.set()

    def turn(self) -> Deferred:
        """Fires in the next turn of the reactor."""
        waiter: Deferred = Deferred()
        self.reactor.callLater(0, waiter.callback, None)
        return waiter

    async def when_drawn(self, channel: str) -> None:
        """Return when a channel is paused, so that its waiting messages stay unread."""
        while not self.link._sockets[channel].socket._unread_for:
            await self.turn()

    def texts(self) -> list[str]:
        return [
            json.loads(message.content)["text"]
            for message in self.received
            if message.msg_type == "stream"
        ]


@pytest.fixture
def bench():
    made = Bench()
    yield made
    made.close()


@ensureDeferred
async def test_a_subscription_is_proven_by_the_first_message(bench):
    """contract: T5"""
    await bench.open()
    assert [message.msg_type for message in bench.received] == ["iopub_welcome"]


@ensureDeferred
async def test_a_request_arrives_signed_and_its_reply_comes_back(bench):
    await bench.open()
    request = originate(
        SHELL, "execute_request", {"code": "1"}, session="s", msg_id="m", date="2026-01-01"
    )
    bench.link.send(request)

    def answer():
        idents, message = bench.peer.session.recv(bench.peer.sockets[1], mode=0)
        bench.peer.session.send(
            bench.peer.sockets[1],
            "execute_reply",
            {"status": "ok"},
            parent=message,
            ident=idents,
        )
        return idents, message

    idents, seen = await deferToThread(answer)
    assert (idents, seen["content"]) == ([b"me"], {"code": "1"})
    await bench.when_received(2)
    assert (bench.received[1].channel, bench.received[1].parent_id) == (SHELL, "m")


@ensureDeferred
async def test_shell_control_and_stdin_share_one_identity(bench):
    await bench.open()
    for channel, port in ((SHELL, 1), ("stdin", 3), (CONTROL, 4)):
        message = originate(channel, "x", {}, session="s", msg_id="m", date="2026-01-01")
        bench.link.send(message)
        frames = await deferToThread(bench.peer.sockets[port].recv_multipart)
        assert frames[0] == b"me"


@ensureDeferred
async def test_control_is_connected_when_it_is_first_needed(bench):
    await bench.open()
    assert set(bench.link._sockets) == {SHELL, IOPUB, STDIN}
    for number in ("1", "2"):
        bench.link.send(control(number))
        frames = await deferToThread(bench.peer.sockets[4].recv_multipart)
        assert json.loads(frames[3])["msg_id"] == number
    assert set(bench.link._sockets) == {SHELL, IOPUB, STDIN, CONTROL}


@ensureDeferred
async def test_control_that_is_connected_while_the_kernel_is_held_is_held_too(bench):
    await bench.open()
    bench.link.pause()
    bench.link.send(control("1"))
    request = await deferToThread(bench.peer.session.recv, bench.peer.sockets[4], 0)
    idents, message = request
    bench.peer.session.send(bench.peer.sockets[4], "x_reply", {}, message, idents)
    await bench.when_drawn(CONTROL)
    assert len(bench.received) == 1
    bench.link.resume()
    await bench.when_received(2)
    assert bench.received[1].channel == CONTROL


@ensureDeferred
async def test_control_of_a_link_that_is_told_so_is_connected_at_once(bench):
    await bench.open(late=frozenset())
    assert CONTROL in bench.link._sockets


@ensureDeferred
async def test_control_that_cannot_be_connected_is_told(bench):
    await bench.open()
    kernel_socket(bench.directory, 4).unlink()
    with pytest.raises(OSError, match="No such file"):
        bench.link.send(control("1"))
    bench.request()  # the other channels go on
    await deferToThread(bench.peer.sockets[1].recv_multipart)
    bench.link.close()
    bench.link.send(control("2"))  # as before, nothing is sent after the end


@ensureDeferred
async def test_what_a_kernel_has_not_read_is_counted(bench):
    bench.peer.sockets[3].rcvhwm = 1
    await bench.open()
    for number in range(64):
        message = originate("stdin", "x", {}, session="s", msg_id=str(number), date="2026-01-01")
        bench.link.send(evolve(message, buffers=(b"x" * 100_000,)))
    assert bench.link.unread > 6_000_000
    for _ in range(64):
        await deferToThread(bench.peer.sockets[3].recv_multipart)
    while bench.link.unread:
        await bench.turn()


@ensureDeferred
async def test_of_the_servers_own_requests_one_waits_on_a_channel(bench):
    bench.peer.sockets[4].rcvhwm = 1
    await bench.open()

    def ask(channel: str) -> bool:
        own = originate(channel, "interrupt_request", {}, session="s", msg_id="m", date="2026")
        return bool(bench.link.send_own(evolve(own, buffers=(b"x" * 2_000_000,))))

    assert [ask(CONTROL) for _ in range(3)] == [True, False, False]
    assert ask(SHELL)
    await deferToThread(bench.peer.sockets[4].recv_multipart)
    await deferToThread(bench.peer.sockets[1].recv_multipart)
    while bench.link.unread:
        await bench.turn()
    assert ask(CONTROL)


@ensureDeferred
async def test_a_wrong_signature_is_counted_and_dropped(bench):
    await bench.open()
    forger = Session(key=b"another key")
    forger.send(bench.peer.sockets[2], "stream", {"name": "stdout", "text": "forged"})
    bench.peer.sockets[2].send_multipart([b"nonsense"])
    bench.peer.publish("stream", {"name": "stdout", "text": "true"})
    await bench.when_received(2)
    assert bench.texts() == ["true"]
    assert bench.rejected == ["bad_signature", "no_delimiter"]


@ensureDeferred
async def test_a_flood_arrives_in_order_and_in_slices(bench):
    await bench.open()
    count = 40 * SLICE_MESSAGES
    turns = []

    def turn():
        turns.append(len(bench.received))
        if len(bench.received) <= count:
            bench.reactor.callLater(0, turn)

    turn()

    def flood():
        for number in range(count):
            bench.peer.publish("stream", {"name": "stdout", "text": str(number)})

    flooding = deferToThread(flood)
    await bench.when_received(count + 1)
    await flooding
    assert bench.texts() == [str(number) for number in range(count)]
    longest = max(b - a for a, b in zip(turns, [*turns[1:], count + 1], strict=True))
    assert longest <= 2 * SLICE_MESSAGES, "the reactor was kept from others"
    # The last one may not be over yet.
    lengths = [b - a for a, b in pairwise([0, *bench.slices, len(bench.received)])]
    assert all(0 < length <= SLICE_MESSAGES for length in lengths[:-1])
    assert lengths[-1] <= SLICE_MESSAGES
    assert max(lengths) > 1, "messages that wait are one slice"


@ensureDeferred
async def test_while_paused_nothing_comes_and_then_all_of_it(bench):
    await bench.open()
    bench.link.pause()
    for number in range(20):
        bench.peer.publish("stream", {"name": "stdout", "text": str(number)})
    # A reply that was sent later still arrives: only published messages are held back.
    request = originate(SHELL, "x_request", {}, session="s", msg_id="m", date="2026-01-01")
    bench.link.send(request)

    def answer():
        idents, message = bench.peer.session.recv(bench.peer.sockets[1], mode=0)
        bench.peer.session.send(bench.peer.sockets[1], "x_reply", {}, message, idents)

    await deferToThread(answer)
    await bench.when_received(2)
    assert bench.texts() == []
    bench.link.resume()
    await bench.when_received(22)
    assert bench.texts() == [str(number) for number in range(20)]


@ensureDeferred
async def test_a_large_message_keeps_its_place(bench):
    await bench.open()
    large = "x" * LARGE
    for text in ("before", large, "after"):
        bench.peer.publish("stream", {"name": "stdout", "text": text})
    await bench.when_received(4)
    assert bench.texts() == ["before", large, "after"]
    place = next(
        number for number, each in enumerate(bench.received, 1) if len(each.content) > LARGE
    )
    assert place in bench.slices, "it is passed on alone, when it was checked"


@ensureDeferred
async def test_a_large_forgery_is_dropped_too(bench):
    await bench.open()
    forger = Session(key=b"another key")
    forger.send(bench.peer.sockets[2], "stream", {"name": "stdout", "text": "x" * LARGE})
    bench.peer.publish("stream", {"name": "stdout", "text": "true"})
    await bench.when_received(2)
    assert (bench.texts(), bench.rejected) == (["true"], ["bad_signature"])


@ensureDeferred
async def test_closing_while_a_large_message_is_checked(bench):
    await bench.open()
    with bench.checking_nothing():
        bench.peer.publish("stream", {"name": "stdout", "text": "x" * (4 * LARGE)})
        while not bench.link._checking:
            await bench.turn()
        bench.link.close()
    await bench.when_received(2)  # it was sent before the end


@ensureDeferred
async def test_after_a_drain_all_that_was_said_has_been_received(bench):
    await bench.open()
    drained = Deferred.fromCoroutine(bench.link.drain())

    def say_and_go():
        for number in range(200):
            bench.peer.publish("stream", {"name": "stdout", "text": str(number)})
        bench.peer.publish("stream", {"name": "stdout", "text": "x" * LARGE})
        for socket in bench.peer.sockets.values():
            socket.close(linger=10_000)

    with bench.checking_nothing():
        await deferToThread(say_and_go)
        while not bench.link._checking:
            await bench.turn()
        assert not drained.called
    await drained
    assert len(bench.texts()) == 201


@ensureDeferred
async def test_nothing_is_drained_while_the_kernel_may_say_more(bench):
    await bench.open()
    drained = Deferred.fromCoroutine(bench.link.drain())
    bench.peer.publish("stream", {"name": "stdout", "text": "more"})
    await bench.when_received(2)
    assert not drained.called
    bench.link.close()
    await drained


@ensureDeferred
async def test_what_is_said_without_end_is_not_received(bench):
    await bench.open(messages=MessageLimits(kernel_message_bytes=LARGE))
    frames = [b"x" * 100_000] * 60
    await deferToThread(bench.peer.sockets[2].send_multipart, frames)
    while not bench.broken:
        await bench.turn()
    assert bench.broken == [(IOPUB, "message_too_large")]
    assert len(bench.received) == 1


@ensureDeferred
async def test_while_held_replies_come_until_they_are_many(bench):
    await bench.open(messages=MessageLimits(message_log_bytes=10_000))
    bench.link.pause()
    request = originate(SHELL, "x_request", {}, session="s", msg_id="m", date="2026-01-01")
    bench.link.send(request)

    def answer():
        idents, message = bench.peer.session.recv(bench.peer.sockets[1], mode=0)
        for number in range(50):
            content = {"number": number, "text": "x" * 1000}
            bench.peer.session.send(
                bench.peer.sockets[1], "x_reply", content, message, ident=idents
            )

    await deferToThread(answer)
    await bench.when_received(2)
    await bench.when_drawn(SHELL)
    assert 5 < len(bench.received) < 15
    bench.link.resume()
    await bench.when_received(51)
    numbers = [json.loads(message.content)["number"] for message in bench.received[1:]]
    assert numbers == list(range(50))


@ensureDeferred
async def test_a_large_reply_that_is_checked_does_not_keep_the_rest_paused(bench):
    await bench.open()
    request = originate(SHELL, "x_request", {}, session="s", msg_id="m", date="2026-01-01")
    bench.link.send(request)

    def answer():
        idents, message = bench.peer.session.recv(bench.peer.sockets[1], mode=0)
        content = {"text": "x" * LARGE}
        bench.peer.session.send(bench.peer.sockets[1], "x_reply", content, message, ident=idents)

    with bench.checking_nothing():
        await deferToThread(answer)
        while not bench.link._checking:
            await bench.turn()
        bench.link.pause()
        bench.link.resume()
    bench.peer.publish("stream", {"name": "stdout", "text": "on"})
    await bench.when_received(3)
    assert bench.texts() == ["on"]


@ensureDeferred
async def test_a_kernel_whose_sockets_are_not_there(bench):
    bench.peer.close()
    with pytest.raises(OSError, match=r"Connection refused|No such file"):
        bench.open()
    assert not list(bench.relays.iterdir())


@ensureDeferred
async def test_sockets_that_cannot_be_made_leave_nothing(bench, monkeypatch):
    def fail(*_, **__):
        raise zmq.ZMQError(errno.EMFILE)

    await bench.open()
    bench.link.close()
    monkeypatch.setattr("sagecell_tx.hosts.channels.link.ZmqSocket", fail)
    before = set(bench.reactor.getReaders())
    with pytest.raises(OSError, match="Too many open files"):
        bench.link.open()
    assert list(bench.relays.iterdir()) == []
    assert set(bench.reactor.getReaders()) <= before


@ensureDeferred
async def test_nobody_else_finds_the_way(bench):
    await bench.open()
    assert not list(bench.relays.iterdir())


@ensureDeferred
async def test_a_beating_heart_is_not_missed(bench):
    # Enough missed beats allowed for a busy machine, and more echoes than that.
    await bench.open(LifetimeLimits(heartbeat_seconds=0.02, heartbeats_missed=3000))
    bench.request()

    def echo():
        for _ in range(60):
            bench.peer.sockets[5].send_multipart(bench.peer.sockets[5].recv_multipart())

    await deferToThread(echo)
    assert not bench.silence.called


@ensureDeferred
async def test_one_echo_is_read_for_a_beat(bench):
    """However many a program sends."""
    await bench.open(LifetimeLimits(heartbeat_seconds=0.1, heartbeats_missed=600))
    bench.request()

    def flood():
        heart = bench.peer.sockets[5]
        beat = heart.recv_multipart()
        for _ in range(500):
            heart.send_multipart(beat)
        heart.recv_multipart()

    await deferToThread(flood)
    heart = bench.peer.sockets[5]
    await deferToThread(heart.recv_multipart)
    taken, beats = bench.link._sockets["heartbeat"].relay._taken, 3
    await deferToThread(heart.recv_multipart)
    while heart.poll(0):  # on a busy machine, there may have been more meanwhile
        heart.recv_multipart()
        beats += 1
    assert taken <= beats
    assert not bench.silence.called


@ensureDeferred
async def test_silence_is_told_once(bench):
    await bench.open(LifetimeLimits(heartbeat_seconds=0.01, heartbeats_missed=3))
    bench.request()
    await bench.silence


@ensureDeferred
async def test_a_heart_that_is_not_there_is_missed_like_a_silent_one(bench):
    await bench.open(LifetimeLimits(heartbeat_seconds=0.01, heartbeats_missed=3))
    kernel_socket(bench.directory, 5).unlink()
    bench.request()
    await bench.silence


@ensureDeferred
async def test_after_close_nothing_is_sent_or_received(bench):
    await bench.open()
    bench.link.close()
    message = originate(IOPUB, "x", {}, session="s", msg_id="m", date="2026-01-01")
    bench.link.send(message)
    await Deferred.fromCoroutine(bench.link.drain())
    assert len(bench.received) == 1
