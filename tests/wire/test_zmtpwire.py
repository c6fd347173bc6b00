"""What is sent over ZMTP is counted correctly, however it is cut; hostile bytes are refused."""

from __future__ import annotations

import socket
from contextlib import suppress
from itertools import pairwise

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.wire.messages import WireError
from sagecell_tx.wire.zmtpwire import PART, PARTS, Meter, size, weight

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01NULL" + bytes(48)


def ready(kind: bytes) -> bytes:
    """The command that ends a handshake."""
    body = b"\x05READY\x0bSocket-Type" + len(kind).to_bytes(4, "big") + kind
    return bytes([4, len(body)]) + body


READY = ready(b"XPUB")


def frame(body: bytes, *, more: bool = False, long: bool = False) -> bytes:
    """One frame."""
    long = long or len(body) > 255
    length = len(body).to_bytes(8 if long else 1, "big")
    return bytes([more | long << 1]) + length + body


def message(*parts: bytes) -> bytes:
    """The frames of one message."""
    return b"".join(frame(part, more=n < len(parts)) for n, part in enumerate(parts, 1))


def opened(largest: int = 10_000) -> Meter:
    """A meter that has seen a handshake."""
    meter = Meter(largest)
    meter.feed(GREETING + READY)
    return meter


def test_a_handshake_is_no_message():
    meter = opened()
    assert (meter.messages, meter.passed) == (0, 0)


def test_a_message_is_counted_when_it_has_passed_whole():
    meter = opened()
    whole = message(b"a", b"", b"x" * 300)
    meter.feed(whole[:-1])
    assert meter.messages == 0
    meter.feed(whole[-1:])
    assert (meter.messages, meter.passed) == (1, 301 + 3 * PART)


@given(
    messages=st.lists(st.lists(st.binary(max_size=400), min_size=1, max_size=4), max_size=6),
    cuts=st.lists(st.integers(0, 3000), max_size=20),
)
def test_wherever_it_is_cut_the_count_is_the_same(messages, cuts):
    meter = Meter(1 << 20)
    data = GREETING + READY + b"".join(message(*parts) for parts in messages)
    for start, end in pairwise(sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})):
        meter.feed(data[start:end])
    assert meter.messages == len(messages)
    assert meter.passed == sum(map(weight, messages))


@given(st.binary(max_size=300))
def test_anything_is_counted_or_refused(data):
    meter = opened(1000)
    with suppress(WireError):
        meter.feed(data)
    assert meter.passed <= len(data) * (1 + PART // 2)


@pytest.mark.parametrize(
    "parts",
    [[b"x" * (1001 - PART)], [b"x" * 400, b"x" * 500], [b""] * 16],
    ids=["one part", "two parts", "only empty parts"],
)
def test_a_message_that_weighs_too_much(parts):
    meter = opened(1000)
    with pytest.raises(WireError, match="more than 1000 bytes") as refusal:
        meter.feed(message(*parts))
    assert refusal.value.code == "message_too_large"


def test_a_message_of_parts_without_end():
    meter, part = opened(100_000), frame(b"x" * 1000, more=True)
    for _ in range(100_000 // (1000 + PART)):
        meter.feed(part)
    with pytest.raises(WireError, match="weighs more"):
        meter.feed(part)


def test_a_message_of_very_many_parts():
    meter = opened(1 << 30)
    meter.feed(message(*[b""] * PARTS))
    meter.feed(message(*[b""] * PARTS))
    assert meter.messages == 2
    with pytest.raises(WireError, match="more than 4096 parts") as refusal:
        meter.feed(message(*[b""] * (PARTS + 1)))
    assert refusal.value.code == "message_too_large"


def test_a_length_is_enough_to_refuse():
    with pytest.raises(WireError, match="weighs more"):
        opened(1000).feed(b"\x02" + (1 << 62).to_bytes(8, "big"))


def test_a_message_just_as_large_as_may_be():
    meter = opened(1000)
    for _ in range(3):
        meter.feed(message(b"x" * 800, b"x" * (200 - 2 * PART)))
        meter.feed(message(b"x" * (1000 - PART)))
    assert meter.messages == 6


@pytest.mark.parametrize(
    "greeting",
    [
        b"GET / HTTP/1.1",
        b"\x01\x00",
        b"\xff" + bytes(8) + b"\x01\x01",
        b"\xff" + bytes(8) + b"\x7f\x01\x00",
        b"\xff" + bytes(8) + b"\x7f\x04\x00",
    ],
    ids=["HTTP", "ZMTP 1", "an identity of ZMTP 1", "ZMTP 2", "ZMTP 4"],
)
@pytest.mark.parametrize("step", [1, 100])
def test_another_greeting(greeting, step):
    pieces = [greeting[start : start + step] for start in range(0, len(greeting), step)]
    with pytest.raises(WireError) as refusal:
        list(map(Meter(1000).feed, pieces))
    assert refusal.value.code == "not_zmtp"


@pytest.mark.parametrize(
    "command", [READY, b"\x04\x05\x04PING", b"\x05\x00"], ids=["READY again", "PING", "and more"]
)
def test_a_command_after_the_handshake(command):
    with pytest.raises(WireError) as refusal:
        opened().feed(command)
    assert refusal.value.code == "unexpected_command"


def test_what_zmq_says():
    """What libzmq itself sends is counted correctly."""
    sent = [[b"topic", b""], [b"x" * 255, b"y" * 256, b"z" * 100_000], [b""]]
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.linger = 0
        with socket.create_server(("127.0.0.1", 0)) as listener:
            dealer.connect(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
            peer, _ = listener.accept()
        with peer:
            peer.sendall(GREETING + ready(b"DEALER"))
            for parts in sent:
                dealer.send_multipart(parts)
            meter = Meter(1 << 20)
            while meter.messages < len(sent):
                data = peer.recv(1000)
                assert data, "closed"
                meter.feed(data)
    assert meter.passed == sum(map(weight, sent))


@given(st.lists(st.one_of(st.binary(max_size=10), st.sampled_from([b"x" * n for n in (255, 256)]))))
def test_the_size_of_a_message_on_a_connection(parts):
    assert size(parts) == len(message(*parts))
