"""The queue and its thread, with readers of libzmq."""

from __future__ import annotations

import _thread
import os
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import zmq
from jupyter_client.session import Session

from sagecell_tx.kernelside.output.captures import Capture, Captures
from sagecell_tx.kernelside.output.publisher import ROOM, TEXT, Publisher
from sagecell_tx.kernelside.output.streams import CellStream
from tests.kernelside.output.test_zmtp import GREETING, READY, frame

PATIENCE = 60_000  # milliseconds


class Wire:
    """A running publisher and its one reader."""

    def __init__(self, captures: Iterable[Capture] = ()) -> None:
        self.session = Session(key=b"key")
        self.publisher = Publisher(self.session)
        self.stdout = CellStream("stdout", 1, self.publisher)
        self.stderr = CellStream("stderr", 2, self.publisher)
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.peers: list[socket.socket] = []
        self.begin(captures)

    def begin(self, captures: Iterable[Capture] = ()) -> None:
        """Start the publisher, and subscribe to it."""
        listening = socket.socket(socket.AF_UNIX)
        listening.bind("")  # at a name that is in no directory, and that Linux chooses
        listening.listen()
        self.name = f"ipc://@{listening.getsockname()[1:].decode()}"
        self.publisher.start(listening, captures)
        self.reader = self.subscribe(b"")

    def subscribe(self, topic: bytes) -> zmq.Socket[bytes]:
        reader = self.context.socket(zmq.SUB)
        reader.setsockopt(zmq.RCVHWM, 4)
        reader.setsockopt(zmq.SUBSCRIBE, topic)
        reader.connect(self.name)
        message = self.next(reader)
        assert message["msg_type"] == "iopub_welcome"
        assert message["content"] == {"subscription": topic.decode()}
        return reader

    def next(self, reader: zmq.Socket[bytes] | None = None) -> dict[str, Any]:
        reader = reader or self.reader
        assert reader.poll(PATIENCE)
        _, message = self.session.recv(reader)
        assert message is not None
        return message

    @contextmanager
    def in_one_breath(self) -> Iterator[None]:
        """The sending thread takes nothing from the queue before the end of the block."""
        with self.publisher._lock:
            yield

    def say(self, msg_type: str, size: int = 0, topic: str | None = None) -> None:
        ident = f"kernel.{topic or msg_type}".encode()
        self.session.send(self.publisher, msg_type, {"x": "x" * size}, ident=ident)  # type: ignore[arg-type]

    def fill(self) -> None:
        """Send messages that never wait, far more than the queue's limit and the sockets hold."""
        for _ in range(40):
            self.say("display_data", ROOM // 8, topic="status")

    def read_until(self, kind: str) -> None:
        while self.next()["msg_type"] != kind:
            pass

    def peer(self) -> socket.socket:
        """A second reader, without libzmq: all that it can read is in its socket."""
        peer = socket.socket(socket.AF_UNIX)
        self.peers.append(peer)
        peer.connect("\0" + self.name.removeprefix("ipc://@"))
        peer.sendall(GREETING + READY + frame(b"\1"))
        said = b""
        while b"iopub_welcome" not in said:
            said += peer.recv(10_000)
        return peer

    def parent(self, msg_id: str) -> dict[str, Any]:
        return {"header": {"msg_id": msg_id}}

    def close(self) -> None:
        self.publisher.stop()
        self.context.destroy(linger=0)
        for peer in self.peers:
            peer.close()


@pytest.fixture
def wire():
    wire = Wire()
    yield wire
    wire.close()


class TestText:
    def test_small_writes_are_one_message(self, wire):
        with wire.in_one_breath():
            for word in ("a", "b", "c"):
                wire.stdout.write(word)
        wire.stdout.flush()
        assert wire.next()["content"] == {"name": "stdout", "text": "abc"}

    def test_it_leaves_without_a_flush(self, wire):
        wire.stdout.write("soon")
        assert wire.next()["content"]["text"] == "soon"

    def test_streams_keep_their_order(self, wire):
        for stream, text in ((wire.stdout, "1"), (wire.stderr, "2"), (wire.stdout, "3")):
            stream.write(text)
        contents = [wire.next()["content"] for _ in range(3)]
        assert [(c["name"][3:], c["text"]) for c in contents] == [
            ("out", "1"),
            ("err", "2"),
            ("out", "3"),
        ]

    def test_it_belongs_to_its_request(self, wire):
        for request in ("one", "two"):
            wire.stdout.set_parent(wire.parent(request))
            wire.stdout.write(request)
        for request in ("one", "two"):
            message = wire.next()
            assert message["parent_header"]["msg_id"] == message["content"]["text"] == request

    def test_of_another_thread_belongs_to_the_latest_request(self, wire):
        wire.stdout.set_parent(wire.parent("now"))
        thread = threading.Thread(target=wire.stdout.write, args=["from a thread"])
        thread.start()
        thread.join()
        assert wire.next()["parent_header"]["msg_id"] == "now"

    def test_a_thread_may_have_a_request_of_its_own(self, wire):
        wire.stdout.set_parent(wire.parent("latest"))
        token = wire.stdout.set_thread_parent(wire.parent("own"))
        wire.stdout.write("a")
        wire.stdout.reset_thread_parent(token)
        wire.stdout.write("b")
        assert [wire.next()["parent_header"]["msg_id"] for _ in range(2)] == ["own", "latest"]

    @pytest.mark.parametrize("character", ["x", "é", "数", "\U0001f600"])
    def test_no_message_is_larger_than_it_may_be(self, wire, character):
        text = character * (2 * TEXT)
        writer = threading.Thread(target=wire.stdout.write, args=[text])
        writer.start()
        whole = ""
        while len(whole) < len(text):
            piece = wire.next()["content"]["text"]
            assert len(piece.encode()) <= TEXT
            whole += piece
        writer.join()
        assert whole == text

    def test_only_text_is_written(self, wire):
        with pytest.raises(TypeError, match="must be str, not bytes"):
            wire.stdout.write(b"bytes")

    def test_text_before_a_message_leaves_before_it(self, wire):
        wire.stdout.write("text")
        wire.say("display_data")
        assert [wire.next()["msg_type"] for _ in range(2)] == ["stream", "display_data"]


class TestOrder:
    def test_of_each_thread_among_many_and_none_is_left_behind(self, wire):
        """Also when the sending thread sleeps and is woken in between."""
        count = 400

        def talk(name: str) -> None:
            for number in range(count):
                wire.say(f"{name}-{number}", topic="status")
                if number % 7 == 0:
                    time.sleep(0)  # lets another thread run

        talkers = [threading.Thread(target=talk, args=[name]) for name in "abc"]
        for talker in talkers:
            talker.start()
        heard = [wire.next()["msg_type"].split("-") for _ in range(3 * count)]
        for talker in talkers:
            talker.join()
        for name in "abc":
            numbers = [int(number) for who, number in heard if who == name]
            assert numbers == list(range(count))

    def test_a_message_after_a_silence(self, wire):
        for number in range(20):
            wire.say(f"said-{number}")
            # Only when this has arrived does the thread go to sleep.
            assert wire.next()["msg_type"] == f"said-{number}"


class TestWaiting:
    def fill(self, wire: Wire) -> threading.Thread:
        """A thread that sends a message for which the full queue has no room."""
        wire.fill()
        thread = threading.Thread(target=wire.say, args=["update_display_data"], daemon=True)
        thread.start()
        return thread

    def test_for_room(self, wire):
        thread = self.fill(wire)
        assert thread.is_alive()
        wire.read_until("update_display_data")
        thread.join()

    def test_never_with_a_status_or_an_error(self, wire):
        thread = self.fill(wire)
        wire.say("status")
        wire.say("error")
        wire.read_until("error")
        thread.join()

    def test_never_in_the_control_thread(self, wire):
        thread = self.fill(wire)
        control = threading.Thread(target=wire.say, args=["debug_event"], name="Control")
        control.start()
        control.join()
        wire.read_until("debug_event")
        thread.join()

    def test_ends_with_the_publisher(self, wire):
        thread = self.fill(wire)
        wire.publisher.stop()
        thread.join()
        assert wire.publisher.closed


class TestFlush:
    """`flush` waits until all output is written."""

    def flushing(self, publisher: Publisher, name: str = "flushing") -> threading.Thread:
        thread = threading.Thread(target=publisher.flush, name=name, daemon=True)
        thread.start()
        return thread

    def said(self, peer: socket.socket) -> bytes:
        """The bytes that can be read without waiting."""
        return peer.recv(1 << 20, socket.MSG_DONTWAIT)

    def test_all_of_it_can_be_read_at_once(self, wire):
        peer = wire.peer()
        for number in range(200):
            wire.stdout.write(f"word {number}")
            wire.say("display_data")
            print(f"line {number}", file=wire.stdout, flush=True)
            said = self.said(peer)
            for part in (f"word {number}", "display_data", f"line {number}"):
                assert part.encode() in said
            wire.next()
            wire.next()
            wire.next()

    def test_what_was_written_beneath_too(self):
        stream = CellStream("stdout", os.open(os.devnull, os.O_WRONLY), Publisher(Session()))
        capture = Capture(stream)
        wire = Wire([capture])
        peer = wire.peer()
        os.write(stream.fileno(), b"from a subprocess")
        wire.stdout.flush()
        assert b"from a subprocess" in self.said(peer)
        wire.close()
        os.close(stream.fileno())
        os.close(capture.descriptor)

    def test_nothing_was_said(self, wire):
        wire.stdout.flush()
        wire.stdout.flush()

    def test_nobody_reads(self):
        wire = Wire()
        wire.reader.close()
        wire.stdout.write("for nobody")
        wire.stdout.flush()
        wire.close()

    def test_a_slow_reader_is_waited_for(self, wire):
        wire.fill()
        thread = self.flushing(wire.publisher)
        thread.join(0.05)
        assert thread.is_alive()
        wire.say("last", topic="status")
        wire.read_until("last")
        thread.join()

    def test_for_as_long_as_one_likes(self, wire):
        wire.fill()
        wire.publisher.flush(0.001)

    def test_not_in_the_control_thread(self, wire):
        wire.fill()
        self.flushing(wire.publisher, "Control").join()

    @pytest.mark.parametrize(
        "package", ["ipykernel.zmqshell", "sagecell_tx.kernelside.userapi.requests"]
    )
    def test_not_by_whoever_flushes_for_the_sake_of_order(self, wire, package):
        wire.fill()
        exec("stream.flush()", {"__name__": package, "stream": wire.stdout})

    def test_by_a_thread_that_does_nothing_else(self, wire):
        """`flush` has no calling frame there. An exception in a thread would fail the test."""
        wire.stdout.write("on")
        _thread.start_new_thread(wire.stdout.flush, ())
        assert wire.next()["content"]["text"] == "on"

    def test_not_in_the_middle_of_an_addition(self, wire):
        """As a finalizer or a signal handler that prints."""
        with wire.in_one_breath():
            wire.stdout.write("in the middle")
            wire.stdout.flush()
        assert wire.next()["content"]["text"] == "in the middle"

    def test_not_in_the_thread_that_sends(self, wire):
        """As a finalizer in that thread."""

        class Flushing(Session):
            def msg(self, *args: Any, **options: Any) -> Any:
                wire.stdout.flush()
                return super().msg(*args, **options)

        wire.publisher.session = Flushing(key=b"key")
        wire.stdout.write("on")
        wire.stdout.flush()
        assert wire.next()["content"]["text"] == "on"

    def test_not_in_a_forked_process(self):
        """There, a lock that another thread held at the fork is never released."""
        publisher = Publisher(Session())
        publisher._abandon()
        with publisher._lock:
            self.flushing(publisher).join()

    def test_an_interrupt_between_two_steps_of_waiting_ends_it(self, wire):
        """Python then leaves a condition's lock released, and the end of `with` raises RuntimeError."""
        wire.fill()
        progress = wire.publisher._progress
        release = progress._release_save

        def interrupted() -> None:
            release()
            raise KeyboardInterrupt

        progress._release_save = interrupted
        with pytest.raises(KeyboardInterrupt):
            wire.publisher.flush()
        assert not wire.publisher._lock._is_owned()

    def test_ends_with_the_publisher(self, wire):
        wire.fill()
        thread = self.flushing(wire.publisher)
        wire.publisher.stop()
        thread.join()


class TestLife:
    def test_before_it_begins_all_is_dropped(self):
        publisher = Publisher(Session())
        stream = CellStream("stdout", 1, publisher)
        stream.write("x" * (3 * ROOM))
        stream.flush()
        publisher.stop()
        assert not publisher._queue

    def test_each_subscriber_is_welcomed(self, wire):
        wire.subscribe(b"").close()
        wire.subscribe(b"kernel.status").close()

    def test_what_was_said_leaves_before_the_end(self, wire):
        with wire.in_one_breath():
            for _ in range(3):
                wire.stdout.write("word ")
        wire.publisher.stop()
        assert wire.next()["content"]["text"] == "word word word "

    def test_it_can_begin_again(self):
        wire = Wire()
        wire.publisher.stop()
        wire.reader.close()
        wire.begin()
        wire.stdout.write("second life")
        assert wire.next()["content"]["text"] == "second life"
        wire.close()


class TestCapture:
    def test_what_is_written_beneath_and_its_end(self):
        descriptor, other = os.pipe()
        stream = CellStream("stdout", other, Publisher(Session()))
        capture = Capture(stream)
        os.write(other, "é".encode()[:1])
        assert capture.read() == ""
        os.write(other, "é".encode()[1:] + b"\xff")
        assert capture.read() == "é\ufffd"
        assert capture.read() == ""
        before = capture.ended
        os.close(other)
        assert capture.read() == ""
        assert (before, capture.ended) == (False, True)
        os.close(capture.descriptor)
        os.close(descriptor)

    def test_it_is_taken_although_the_queue_is_full(self):
        """Otherwise the last output of a subprocess would come after the end of its cell."""
        stream = CellStream("stdout", os.open(os.devnull, os.O_WRONLY), Publisher(Session()))
        capture = Capture(stream)
        wire = Wire([capture])
        for _ in range(20):
            wire.say("display_data", ROOM // 8, topic="status")
        os.write(stream.fileno(), b"x" * 50_000)
        wire.publisher.hasten()
        assert not Captures([capture]).waiting()
        wire.close()
        os.close(stream.fileno())
        os.close(capture.descriptor)
