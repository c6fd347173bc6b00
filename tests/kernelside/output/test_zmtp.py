"""ZMTP is written and read as libzmq does it, and hostile bytes are refused."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.kernelside.output.zmtp import (
    HELLO,
    SAID,
    SUBSCRIPTIONS,
    NotZmtp,
    Subscriber,
    encode,
)

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01NULL" + bytes(48)
READY = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03SUB"


@contextmanager
def subscribed(*topics: bytes) -> Iterator[tuple[zmq.Socket[bytes], socket.socket]]:
    """A SUB socket of libzmq, and the other end of its one connection, which has sent HELLO."""
    with zmq.Context() as context, context.socket(zmq.SUB) as reader:
        reader.linger = 0
        for topic in topics:
            reader.setsockopt(zmq.SUBSCRIBE, topic)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            reader.connect(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
            peer, _ = listener.accept()
        with peer:
            peer.sendall(HELLO)
            yield reader, peer


def opened() -> Subscriber:
    """A subscriber after the handshake."""
    subscriber = Subscriber()
    assert subscriber.feed(GREETING + READY) == []
    return subscriber


def frame(body: bytes, flags: int = 0) -> bytes:
    return bytes([flags, len(body)]) + body


topics = st.binary(max_size=300)


@pytest.fixture(scope="module")
def connection():
    with subscribed(b"") as connection:
        yield connection


class TestBesideLibzmq:
    @given(
        messages=st.lists(
            st.lists(
                st.binary(max_size=300) | st.sampled_from([b"x" * 255, b"x" * 256, b"x" * 70_000]),
                min_size=1,
                max_size=5,
            ),
            max_size=4,
        )
    )
    def test_it_reads_the_messages_that_we_write(self, connection, messages):
        reader, peer = connection
        peer.sendall(b"".join(map(encode, messages)))
        assert [reader.recv_multipart() for _ in messages] == messages

    @given(
        topics=st.lists(topics, min_size=1, max_size=4, unique=True),
        cuts=st.lists(st.integers(1, 400), max_size=10),
    )
    def test_we_read_what_it_subscribes_to(self, topics, cuts):
        subscriber = Subscriber()
        heard: list[bytes] = []
        with subscribed(*topics) as (_, peer):
            sizes = iter(cuts)
            while len(heard) < len(topics):
                data = peer.recv(next(sizes, 1000))
                assert data, "closed"
                heard += subscriber.feed(data)
        # libzmq sends them in an order of its own.
        assert sorted(heard) == sorted(subscriber.subscriptions) == sorted(topics)

    def test_we_read_what_it_subscribes_to_no_longer(self):
        with subscribed(b"a", b"b") as (reader, peer):
            reader.setsockopt(zmq.UNSUBSCRIBE, b"a")
            reader.setsockopt(zmq.SUBSCRIBE, b"last")
            subscriber = Subscriber()
            while b"last" not in subscriber.subscriptions:
                subscriber.feed(peer.recv(1000))
        assert sorted(subscriber.subscriptions) == [b"b", b"last"]


class TestSubscriptions:
    @given(st.lists(topics.map(lambda topic: topic[:50]), max_size=5), topics)
    def test_a_message_is_for_whom_its_topic_begins_as_it_should(self, subscriptions, topic):
        subscriber = opened()
        for beginning in subscriptions:
            assert subscriber.feed(frame(b"\1" + beginning)) == [beginning]
        assert subscriber.wants(topic) == any(topic[: len(s)] == s for s in subscriptions)

    def test_each_counts(self):
        subscriber = opened()
        subscriber.feed(frame(b"\1a") * 2 + frame(b"\0a"))
        assert subscriber.wants(b"a")
        subscriber.feed(frame(b"\0a") * 2)
        assert not subscriber.wants(b"a")

    def test_other_words_mean_nothing(self):
        subscriber = opened()
        assert subscriber.feed(frame(b"") + frame(b"\2a") + frame(b"\1b")) == [b"b"]


class TestHostile:
    @given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
    def test_anything_is_heard_or_refused_however_it_is_cut(self, data, cuts):
        def outcome(pieces: list[bytes]) -> tuple[list[bytes], str]:
            subscriber = opened()
            try:
                for piece in pieces:
                    subscriber.feed(piece)
                    assert len(subscriber._unread) <= SAID
            except NotZmtp as refusal:
                return subscriber.subscriptions, str(refusal)
            return subscriber.subscriptions, ""

        places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
        assert outcome([data[a:b] for a, b in pairwise(places)]) == outcome([data])

    @given(st.binary(max_size=200))
    def test_any_greeting(self, data):
        with suppress(NotZmtp):
            assert Subscriber().feed(data) == []

    @pytest.mark.parametrize(
        ("said", "why"),
        [
            (b"GET / HTTP/1.1\r\n".ljust(64), "not ZMTP"),
            (b"\xff" + bytes(8) + b"\x7f\x01" + bytes(53), "not ZMTP"),
            (GREETING.replace(b"NULL", b"CURV"), "NULL"),
            (GREETING + frame(b"\1a"), "READY"),
            (GREETING + frame(b"\x05ERROR", 4), "READY"),
            (GREETING + READY + frame(b"\x04PING", 4), "one frame"),
            (GREETING + READY + frame(b"\1a", 1), "one frame"),
            (GREETING + READY + struct.pack(">BQ", 2, SAID), "1024 bytes"),
            (GREETING + READY + struct.pack(">BQ", 2, 2**64 - 1), "1024 bytes"),
            (GREETING + READY + frame(b"\1") * (SUBSCRIPTIONS + 1), "64 subscriptions"),
        ],
    )
    def test_what_no_subscriber_says(self, said, why):
        with pytest.raises(NotZmtp, match=why):
            Subscriber().feed(said)
