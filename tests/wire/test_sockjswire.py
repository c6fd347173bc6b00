"""SockJS frames: any message arrives unchanged, and any input is harmless."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sagecell_tx.wire import sockjswire
from sagecell_tx.wire.messages import WireError
from sagecell_tx.wire.sockjswire import (
    MOST,
    PIECE,
    PayloadExpected,
    array,
    close_frame,
    parse,
    plain,
    quoted,
)
from tests.wire.strategies import json_values

#: Every character that there is, halves of surrogate pairs included.
characters = st.characters(codec=None, exclude_categories=())
anything = st.text(characters)

#: What servers have to escape, at the least.
UNSAFE = [*range(0x20), *range(0x200C, 0x2010), *range(0x2028, 0x2030), *range(0x2060, 0x2070)]
UNSAFE += range(0xFFF0, 0x10000)


def joined(pieces):
    """The bytes of one frame, whose pieces are marked as they should be."""
    pieces = list(pieces)
    assert [piece.first for piece in pieces] == [True] + [False] * (len(pieces) - 1)
    assert [piece.last for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    return b"".join(piece.data for piece in pieces)


@given(st.lists(anything, min_size=1))
@example(["".join(map(chr, UNSAFE))])
@example(["\ud800", "\udc00x\ud800"])
def test_texts_arrive_as_they_were(texts):
    """contract: 1.21"""
    frame = joined(array([(text,) for text in texts]))
    assert frame.startswith(b"a[")
    assert all(0x20 <= byte < 0x7F for byte in frame)
    assert parse(frame[1:]) == json.loads(json.dumps(texts))


@given(st.lists(st.text(), max_size=8), st.data())
def test_bytes_are_cut_anywhere(texts, data):
    """A character whose bytes are in two parts is decoded as one."""
    whole = "".join(texts).encode()
    place = data.draw(st.integers(0, len(whole)))
    frame = joined(array([("id,", whole[:place], whole[place:])]))
    assert parse(frame[1:]) == ["id," + whole.decode()]


@given(st.binary())
def test_what_is_no_utf_8_is_shown_as_such(data):
    (text,) = parse(joined(array([(data,)]))[1:])
    assert text == data.decode("utf-8", "replace")


@pytest.mark.parametrize("character", ["x", "\u0394", "\U0001f600", "\n"])
def test_long_frames_come_in_pieces(character):
    text = character * (3 * PIECE)
    for message in ([text], [text.encode()]):
        pieces = list(array([message, ("short",)]))
        assert len(pieces) >= 3
        assert max(len(piece.data) for piece in pieces) <= 12 * PIECE
        assert parse(joined(pieces)[1:]) == [text, "short"]
        assert joined(plain(message)).decode() == text


def test_many_short_messages_are_one_piece():
    assert len(list(array([("x",)] * 1000))) == 1


@given(anything)
def test_without_a_frame_it_is_utf_8(text):
    told = joined(plain((text,))).decode("utf-8")
    assert told == text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


@given(anything)
def test_quoted_parts_make_one_string(text):
    halves = quoted(text[: len(text) // 2]), quoted(text[len(text) // 2 :])
    assert json.loads(b'"%b%b"' % halves) == json.loads(json.dumps(text))


@given(st.integers(1000, 4999), anything)
def test_the_goodbye(code, reason):
    data = close_frame(code, reason).data
    assert data[:1] == b"c"
    assert data.isascii()
    assert json.loads(data[1:])[0] == code


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 100_000)
@example(b'["\xed\xa0\x80"]')
@example(b"[NaN]")
@example(b'["a')
def test_hostile_bytes_are_messages_or_refused(payload):
    told = messages_or_word(payload)
    assert told in ("invalid_json", "payload_expected") or all(
        isinstance(message, str) for message in told
    )


def messages_or_word(payload):
    try:
        return parse(payload)
    except WireError as error:
        return error.code


def test_the_payloads_there_are():
    assert parse(b'["one","two"]') == ["one", "two"]
    assert parse(b'"one"') == ["one"]
    assert parse(b"[]") == []
    with pytest.raises(PayloadExpected):
        parse(b"")


def test_the_frames_without_messages():
    assert (sockjswire.OPEN.data, sockjswire.HEARTBEAT.data) == (b"o", b"h")
    assert close_frame(3000, "Go away!").data == b'c[3000,"Go away!"]'


def test_messages_at_a_time_are_bounded():
    assert parse(json.dumps(["a"] * MOST).encode()) == ["a"] * MOST
    with pytest.raises(WireError, match="At most 1000"):
        parse(json.dumps(["a"] * (MOST + 1)).encode())
