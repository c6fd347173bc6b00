"""The message value, and JSON that is parsed strictly and written safely."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sagecell_tx.wire.jsonbounds import DEPTH, DIGITS, HEADER_MARKS
from sagecell_tx.wire.messages import (
    BUFFER,
    IOPUB,
    NAME_LIMIT,
    PARSED,
    Message,
    WireError,
    dump,
    is_name,
    originate,
    parse_fields,
    parse_object,
)
from tests.wire.strategies import json_objects


def message(**parts):
    parts = {"channel": IOPUB, "msg_id": "1", "msg_type": "status", "header": b"{}"} | parts
    return Message(**parts)


@given(json_objects)
def test_a_dumped_object_parses_back(value):
    dumped = dump(value)
    assert dumped.isascii()
    assert parse_object(dumped) == value
    assert parse_object(dumped.decode()) == value


def test_lone_surrogates_survive():
    assert parse_object(dump({"text": "\ud800 \udc80"})) == {"text": "\ud800 \udc80"}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_a_json_number_is_not_dumped(value):
    with pytest.raises(ValueError, match="Out of range"):
        dump({"value": value})


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"{} {}",
        b"\xff{}",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": ' + b"1" * 5000 + b"}",
        b'{"a":' * 100_000,
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        "{}".encode("utf-16-le"),
        "{}".encode("utf-32"),
        '{"a": "\ud800"}'.encode("utf-8", "surrogatepass"),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_not_json_is_refused(text):
    with pytest.raises(WireError) as caught:
        parse_object(text)
    assert caught.value.code == "invalid_json"


@pytest.mark.parametrize("text", [b"[]", b"null", b'"{}"', b"1", b"true"])
def test_json_that_is_no_object_is_refused(text):
    with pytest.raises(WireError) as caught:
        parse_object(text)
    assert caught.value.code == "invalid_message"


def parsed_or_refused(data):
    try:
        return parse_object(data)
    except WireError as error:
        return error


@given(st.binary() | st.text())
@example('{"a": "\ud800"}')
def test_anything_is_an_object_or_an_error(data):
    parsed = parsed_or_refused(data)
    if isinstance(parsed, WireError):
        assert parsed.code in {"invalid_json", "invalid_message"}
        assert str(parsed) == parsed.message
    else:
        assert isinstance(parsed, dict)


def texts_or_refused(parse, data):
    """The texts in an object, or the code and the sentence of its refusal."""
    try:
        fields = parse(data)
    except WireError as error:
        return error.code, error.message
    return {name: value for name, value in fields.items() if isinstance(value, str)}


@pytest.mark.parametrize(
    "value",
    [
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"1e-999",
        b"-0",
        b"01",
        b".5",
        b"9" * 20,
        b"-" + b"9" * 450,
        b"9" * DIGITS,
        b"9" * (DIGITS + 1),
        b"[" * 240 + b"]" * 240,
        b"[" * DEPTH + b"]" * DEPTH,
        b"[" * (DEPTH - 1) + b"]" * (DEPTH - 1),
        b"[" + b"[]," * HEADER_MARKS + b"[]]",
        rb'"\ud800"',
        rb'"\udc80\ud800"',
        rb'"\ud83d\ude00"',
        rb'"\u0000"',
        b'"\x00"',
        b'"\t"',
        b'"\x7f"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        '"\u2028\U0001f600"'.encode(),
        b"'x'",
        b'"open',
        b'1, "text": "later"',
        b'1, "\\u0074ext": "later"',
        rb'1, "\ud800": "odd"',
        b"1,",
        b"1} {",
        b"1}\x0b",
        b"1}\n",
        b"",
    ],
    ids=lambda value: repr(value[:20]),
)
def test_the_texts_of_an_object_are_the_same_however_it_is_parsed(value):
    data = b'{"text": "first", "value": ' + value + b"}"
    assert texts_or_refused(parse_fields, data) == texts_or_refused(parse_object, data)


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b'"a"', b"7", b'\xef\xbb\xbf{"a": 1}'])
def test_what_is_no_object_has_no_fields(data):
    with pytest.raises(WireError):
        parse_fields(data)


@given(json_objects.map(dump) | st.binary(), st.binary(max_size=3), st.integers(0, 40))
def test_fields_are_those_of_the_object_or_refused_with_the_same_sentence(data, patch, place):
    damaged = data[:place] + patch + data[place + len(patch) :]
    for each in (data, damaged):
        assert texts_or_refused(parse_fields, each) == texts_or_refused(parse_object, each)


def test_size_counts_every_byte_that_is_held():
    plain = message()
    assert plain.size == 8
    for part in ("header", "parent_header", "metadata", "content"):
        assert message(**{part: b"{" + b" " * 100 + b"}"}).size == plain.size + 100
    assert message(buffers=(b"12345", b"678")).size == plain.size + 8 + 2 * BUFFER
    # A message may have thousands that are empty.
    assert message(buffers=(b"",) * 4000).size == plain.size + 4000 * BUFFER


@pytest.mark.parametrize(
    ("parent_header", "expected"),
    [
        (b'{"msg_id": "abc"}', "abc"),
        (b"{}", ""),
        (b'{"msg_id": 3}', ""),
        (b"[]", ""),
        (b"garbage", ""),
    ],
)
def test_parent_id_is_the_requests_or_empty(parent_header, expected):
    assert message(parent_header=parent_header).parent_id == expected


def test_content_is_parsed_for_those_who_ask():
    assert message(content=b'{"text": "\xc3\xa9"}').parsed_content() == {"text": "é"}
    with pytest.raises(WireError):
        message(content=b"[]").parsed_content()


def test_content_that_would_take_long_is_not_parsed():
    text = b'{"text": "' + b"x" * (PARSED - 12) + b'"}'
    assert len(message(content=text).parsed_content()["text"]) == PARSED - 12
    with pytest.raises(WireError, match="longer than") as refusal:
        message(content=text + b" ").parsed_content()
    assert refusal.value.code == "content_too_long"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x", True),
        ("é" * NAME_LIMIT, True),
        ("é" * (NAME_LIMIT + 1), False),
        ("", False),
        (b"x", False),
        (1, False),
        (None, False),
        (["x"], False),
    ],
)
def test_a_name_is_a_string_neither_empty_nor_endless(value, expected):
    assert is_name(value) is expected


def test_the_server_speaks_with_a_full_header():
    said = originate(
        IOPUB,
        "status",
        {"execution_state": "dead"},
        session="kernel",
        msg_id="id",
        date="2026-01-01T00:00:00Z",
        parent_header=b'{"msg_id":"asked"}',
    )
    assert json.loads(said.header) == {
        "msg_id": said.msg_id,
        "msg_type": said.msg_type,
        "session": "kernel",
        "username": "",
        "date": "2026-01-01T00:00:00Z",
        "version": "5.3",
    }
    assert (said.channel, said.msg_id, said.msg_type) == (IOPUB, "id", "status")
    assert said.parent_id == "asked"
    assert said.parsed_content() == {"execution_state": "dead"}
    assert said.metadata == b"{}"
    assert said.buffers == ()
