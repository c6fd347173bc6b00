"""Lines of messages, and beats."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from sagecell_tx.hosts.cluster.connections.line import BEAT, Beats, LineReader, encode
from sagecell_tx.wire.messages import WireError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def read(reader: LineReader) -> list[dict[str, Any]]:
    found = []
    while (message := reader.next()) is not None:
        found.append(message)
    return found


@given(st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=3)), st.integers(1, 7))
def test_messages_arrive_however_they_are_cut(messages: list[dict[str, Any]], size: int):
    data = b"".join(encode(content=message) for message in messages)
    reader, got = LineReader(), []
    for start in range(0, len(data), size):
        reader.feed(data[start : start + size])
        got += read(reader)
    assert [each["content"] for each in got] == messages


@given(st.binary(max_size=50))
def test_arbitrary_bytes_do_no_harm(data: bytes):
    reader = LineReader()
    reader.feed(data + b"\n")
    with contextlib.suppress(WireError):
        assert all(isinstance(message, dict) for message in read(reader))


def test_a_line_that_is_too_long_is_refused_before_its_end():
    for end in (b"", b'"}\n'):
        reader = LineReader(longest=100)
        reader.feed(b'{"x":"' + b"x" * 100 + end)
        with pytest.raises(WireError, match="more than 100 bytes"):
            reader.next()


def test_what_is_no_object_is_refused():
    for line in (b"7\n", b"[]\n", b"\n", b"{\n", b"\xff\n"):
        reader = LineReader()
        reader.feed(line)
        with pytest.raises(WireError):
            reader.next()


def test_the_rest_is_given_once():
    reader = LineReader()
    reader.feed(b'{"op":"open"}\nraw\ndata')
    assert reader.next() == {"op": "open"}
    assert (reader.rest(), reader.rest()) == (b"raw\ndata", b"")


class Bench:
    def __init__(self) -> None:
        self.clock = Clock()
        self.told: list[str] = []
        self.beats = Beats(
            clock=self.clock,
            patience=3.0,
            send=lambda: self.told.append("beat"),
            silent=lambda: self.told.append("silent"),
        )
        self.beats.start()

    def advance(self, beats: int) -> None:
        self.clock.pump([BEAT] * beats)


def test_beats_are_sent_and_silence_is_noticed_once():
    bench = Bench()
    bench.advance(5)
    assert bench.told == ["beat"] * 6
    bench.beats.heard()
    bench.advance(5)
    assert "silent" not in bench.told
    bench.advance(20)
    assert bench.told.count("silent") == 1
    assert bench.told[-1] == "silent"
    assert bench.clock.getDelayedCalls() == []


def test_who_was_suspended_itself_waits_anew():
    bench = Bench()
    bench.advance(5)
    bench.clock.advance(100)
    assert "silent" not in bench.told
    bench.advance(7)
    assert "silent" in bench.told


def test_who_is_always_late_notices_silence_all_the_same():
    bench = Bench()
    bench.clock.pump([3 * BEAT] * 4)
    assert bench.told[-1] == "silent"


def test_beats_that_were_unread_count_after_a_suspension():
    bench = Bench()
    bench.advance(2)
    bench.clock.advance(10)
    bench.beats.heard()
    bench.advance(5)
    assert "silent" not in bench.told


def test_after_stop_nothing_comes():
    bench = Bench()
    bench.beats.stop()
    bench.beats.stop()
    bench.advance(20)
    assert bench.told == ["beat"]


def test_a_message_is_one_line():
    assert json.loads(encode(op="x", text="a\nb")) == {"op": "x", "text": "a\nb"}
    assert encode(op="x", text="a\nb").count(b"\n") == 1
