"""The queue and its thread, on sockets within one process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import zmq
from jupyter_client.session import Session

from sagecell_tx.kernelside.captures import Capture, Captures
from sagecell_tx.kernelside.publisher import ROOM, TEXT, Publisher
from sagecell_tx.kernelside.streams import CellStream

PATIENCE = 60_000  # milliseconds


class Wire:
    """A publisher that runs, and its one reader."""

    def __init__(self, captures: Iterable[Capture] = ()) -> None:
        self.session = Session(key=b"key")
        self.publisher = Publisher(self.session)
        self.stdout = CellStream("stdout", 1, self.publisher)
        self.stderr = CellStream("stderr", 2, self.publisher)
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        bound = self.context.socket(zmq.XPUB)
        for option, value in ((zmq.XPUB_NODROP, 1), (zmq.XPUB_VERBOSE, 1), (zmq.SNDHWM, 4)):
            bound.setsockopt(option, value)
        self.name = f"inproc://{id(self)}"
        bound.bind(self.name)
        self.publisher.start(bound, captures)
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
        """However long it takes to say all of it, the thread that sends looks only afterwards."""
        with self.publisher._lock:
            yield

    def say(self, msg_type: str, size: int = 0, topic: str | None = None) -> None:
        ident = f"kernel.{topic or msg_type}".encode()
        self.session.send(self.publisher, msg_type, {"x": "x" * size}, ident=ident)  # type: ignore[arg-type]

    def parent(self, msg_id: str) -> dict[str, Any]:
        return {"header": {"msg_id": msg_id}}

    def close(self) -> None:
        self.publisher.stop()
        self.context.destroy(linger=0)


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
        """However the sending thread falls asleep and is woken in between."""
        count = 400

        def talk(name: str) -> None:
            for number in range(count):
                wire.say(f"{name}-{number}", topic="status")
                if number % 7 == 0:
                    time.sleep(0)  # another thread's turn

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
        """A thread that says more than there is room for; returns when it waits."""
        # Far more than the sockets hold; the topic is one that does not wait itself.
        for _ in range(40):
            wire.say("display_data", ROOM // 8, topic="status")
        thread = threading.Thread(target=wire.say, args=["update_display_data"], daemon=True)
        thread.start()
        return thread

    def read_until(self, wire: Wire, kind: str) -> None:
        while wire.next()["msg_type"] != kind:
            pass

    def test_for_room(self, wire):
        thread = self.fill(wire)
        assert thread.is_alive()
        self.read_until(wire, "update_display_data")
        thread.join()

    def test_never_with_a_status_or_an_error(self, wire):
        thread = self.fill(wire)
        wire.say("status")
        wire.say("error")
        self.read_until(wire, "error")
        thread.join()

    def test_never_in_the_control_thread(self, wire):
        thread = self.fill(wire)
        control = threading.Thread(target=wire.say, args=["debug_event"], name="Control")
        control.start()
        control.join()
        self.read_until(wire, "debug_event")
        thread.join()

    def test_ends_with_the_publisher(self, wire):
        thread = self.fill(wire)
        wire.publisher.stop()
        thread.join()
        assert wire.publisher.closed


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
        again = wire.context.socket(zmq.XPUB)
        again.bind(wire.name + "again")
        wire.publisher.start(again, [])
        wire.name += "again"
        wire.reader = wire.subscribe(b"")
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

    def test_a_flush_takes_it_although_the_queue_is_full(self):
        """Or the last of what a subprocess wrote would come after the end of its cell."""
        stream = CellStream("stdout", os.open(os.devnull, os.O_WRONLY), Publisher(Session()))
        capture = Capture(stream)
        wire = Wire([capture])
        for _ in range(20):
            wire.say("display_data", ROOM // 8, topic="status")
        os.write(stream.fileno(), b"x" * 50_000)
        wire.publisher.flush()
        assert not Captures([capture]).waiting()
        wire.close()
        os.close(stream.fileno())
        os.close(capture.descriptor)
