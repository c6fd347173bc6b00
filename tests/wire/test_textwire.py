"""Texts to and from clients, with jupyter_client's Session as the kernel."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jupyter_client.jsonutil import json_default
from jupyter_client.session import Session

from sagecell_tx.wire import textwire, zmqwire
from sagecell_tx.wire.messages import IOPUB, SHELL, Message, WireError, dump
from sagecell_tx.wire.textwire import (
    HEADER_LIMIT,
    UnknownChannel,
    encode,
    length_with_buffers,
    parse,
    render,
    with_buffers,
)
from tests.wire.strategies import json_objects, json_values, names

NOW = "2026-01-02T03:04:05.678901Z"
MIB = 1024 * 1024


def request(**parts):
    """A client's text: a small execute_request, changed by `parts`."""
    header = {"msg_id": "1", "msg_type": "execute_request"}
    return json.dumps({"header": header, "content": {"code": "1+1"}} | parts).encode()


def with_header(**fields):
    return request(header={"msg_id": "1", "msg_type": "execute_request"} | fields)


def refusal(text):
    with pytest.raises(WireError) as caught:
        parse(text, date=NOW)
    return caught.value.code


def parsed_or_refused(text):
    try:
        return parse(text, date=NOW)
    except WireError as error:
        return error


def from_kernel(content, **parts):
    """A message as Session makes it, and as it comes through zmqwire."""
    session = Session(key=b"key", packer="json", unpacker="json")
    sent = session.msg("display_data", content, **parts)
    return sent, zmqwire.decode(IOPUB, session.serialize(sent, [b"topic"]), zmqwire.Signer(b"key"))


@given(json_objects, json_objects)
def test_the_client_is_sent_what_the_kernel_wrote(content, metadata):
    parent = Session().msg("execute_request")["header"]
    sent, message = from_kernel(content, metadata=metadata, parent=parent)
    expected = json.loads(json.dumps(sent | {"channel": IOPUB}, default=json_default))
    assert json.loads(encode(message)) == expected
    assert b"".join(render(message)) == encode(message)


@given(st.lists(st.sampled_from([0, 1, 2, 3, 49_151, 49_152, 49_153, 200_000]), min_size=1))
def test_long_buffers_come_in_pieces_of_bounded_length(sizes):
    message = Message(
        channel=IOPUB,
        msg_id="1",
        msg_type="comm_msg",
        header=b"{}",
        content=b'{"data":1}',
        buffers=tuple(bytes(range(256)) * (size // 256 + 1) for size in sizes),
    )
    pieces = list(with_buffers(message, 7))
    came = json.loads(b"".join(pieces))
    assert [b64decode(each) for each in came["buffers"]] == list(message.buffers)
    assert (came["content"], came["seq"]) == ({"data": 1}, 7)
    assert sum(map(len, pieces)) == length_with_buffers(message, 7)
    assert max(map(len, pieces)) < 200_000


def test_the_keys_are_the_contracts_and_buffers_are_for_those_who_ask():
    """contract: 2.2"""
    message = Message(
        channel=SHELL,
        msg_id="1",
        msg_type="comm_msg",
        header=b'{"msg_id":"1","msg_type":"comm_msg"}',
        buffers=(b"\x00\xff",),
    )
    assert json.loads(b"".join(with_buffers(message, 7)))["buffers"] == ["AP8="]
    assert parse(request(buffers=["AP8=", ""]), date=NOW).buffers == (b"\x00\xff", b"")
    assert json.loads(encode(message)) == {
        "header": {"msg_id": "1", "msg_type": "comm_msg"},
        "msg_id": "1",
        "msg_type": "comm_msg",
        "parent_header": {},
        "metadata": {},
        "content": {},
        "channel": "shell",
    }


def test_content_is_neither_copied_nor_rewritten():
    content = b'{ "odd" :  1.50e0, "order": 2, "a": "\\u00e9" }'
    message = Message(channel=IOPUB, msg_id="1", msg_type="x", header=b"{}", content=content)
    before, between, after = render(message)
    assert between is content
    assert json.loads(before + between + after)["content"] == json.loads(content)


@given(st.text(st.characters()), st.text(st.characters()))
@example('","channel":"shell', "\ud800")
def test_names_cannot_break_out_of_their_quotes(msg_id, msg_type):
    message = Message(channel=IOPUB, msg_id=msg_id, msg_type=msg_type, header=b"{}")
    # Decoded first: json.loads would let encoded surrogates pass, a WebSocket would not.
    rendered = json.loads(encode(message).decode("utf-8"))
    assert (rendered["msg_id"], rendered["msg_type"]) == (msg_id, msg_type)
    assert rendered["channel"] == IOPUB


@given(json_objects, st.integers(0, 2**53))
def test_a_number_is_told_beside_what_the_kernel_wrote(content, seq):
    message = from_kernel(content)[1]
    assert json.loads(encode(message, seq)) == json.loads(encode(message)) | {"seq": seq}


def test_a_kernel_cannot_speak_for_the_server():
    content = b'{},"channel":"shell","msg_id":"forged","x":{}'
    message = Message(channel=IOPUB, msg_id="1", msg_type="x", header=b"{}", content=content)
    rendered = json.loads(encode(message))
    assert (rendered["channel"], rendered["msg_id"]) == (IOPUB, "1")


def test_what_is_printed_as_broken_text_is_still_text():
    _, message = from_kernel({"text": "\udc80"})
    assert json.loads(encode(message).decode("utf-8"))["content"] == {
        "text": "\N{REPLACEMENT CHARACTER}"
    }


requests = st.fixed_dictionaries(
    {
        "header": st.fixed_dictionaries({"msg_id": names, "msg_type": names}),
        "content": json_objects,
        "metadata": json_objects,
        "parent_header": json_objects,
        "channel": st.sampled_from(textwire.CLIENT_CHANNELS),
        "buffers": st.just([{"0": 1}]),  # as JavaScript writes an array of bytes; ignored
    }
)


@given(requests, st.booleans())
def test_what_a_client_says_reaches_the_kernel(said, ascii_only):
    message = parse(json.dumps(said, ensure_ascii=ascii_only).encode(), date=NOW)
    assert message.channel == said["channel"]
    assert {"msg_id": message.msg_id, "msg_type": message.msg_type} == said["header"]
    for part in ("parent_header", "metadata", "content"):
        assert json.loads(getattr(message, part)) == said[part]
    assert message.buffers == ()
    session = Session(key=b"key", packer="json", unpacker="json")
    frames = zmqwire.encode(message, zmqwire.Signer(b"key"))
    read = session.deserialize(session.feed_identities(frames)[1])
    assert read["msg_id"] == said["header"]["msg_id"]
    assert read["content"] == said["content"]


def test_a_short_header_is_completed():
    """contract: 2.3"""
    # Null is the same as a missing value.
    assert json.loads(parse(with_header(version=None), date=NOW).header) == {
        "msg_id": "1",
        "msg_type": "execute_request",
        "date": NOW,
        "version": "5.3",
        "username": "",
        "session": "",
    }


def test_a_full_header_is_kept():
    header = {
        "msg_id": "1",
        "msg_type": "execute_request",
        "date": "2020-01-01T00:00:00Z",
        "version": "5.0",
        "username": "somebody",
        "session": "kernel",
        "subshell_id": None,
        "unknown": [1, {"a": "é"}],
    }
    assert json.loads(parse(request(header=header), date=NOW).header) == header


@pytest.mark.parametrize("part", ["parent_header", "metadata", "content"])
def test_absent_and_null_parts_are_empty(part):
    assert getattr(parse(request(**{part: None}), date=NOW), part) == b"{}"
    bare = json.dumps({"header": {"msg_id": "1", "msg_type": "x"}}).encode()
    assert getattr(parse(bare, date=NOW), part) == b"{}"


@pytest.mark.parametrize("part", ["header", "parent_header", "metadata", "content"])
@pytest.mark.parametrize("value", [[], "{}", 0, False, 1.5])
def test_parts_that_are_no_objects_are_refused(part, value):
    assert refusal(request(**{part: value})) == "invalid_message"


@pytest.mark.parametrize("name", ["msg_id", "msg_type"])
@pytest.mark.parametrize("value", ["", None, 1, True, ["x"], {}, "x" * 257])
def test_a_message_without_proper_names_is_refused(name, value):
    assert refusal(with_header(**{name: value})) == "invalid_message"


@pytest.mark.parametrize("name", ["date", "version", "username", "session"])
@pytest.mark.parametrize("value", [False, [], {}])
def test_header_fields_of_wrong_types_are_refused(name, value):
    assert refusal(with_header(**{name: value})) == "invalid_message"


@pytest.mark.parametrize("name", ["version", "username", "session"])
def test_a_number_is_taken_for_a_date_alone(name):
    assert refusal(with_header(**{name: 1})) == "invalid_message"


@pytest.mark.parametrize("text", [b"[]", b"1", b'"x"', b"null", b"{}", b'{"header": null}'])
def test_what_is_no_message_is_refused(text):
    assert refusal(text) == "invalid_message"


def test_a_header_is_short_because_the_kernel_repeats_it():
    room = HEADER_LIMIT - len(parse(with_header(x=""), date=NOW).header)
    assert len(parse(with_header(x="x" * room), date=NOW).header) == HEADER_LIMIT
    assert refusal(with_header(x="x" * (room + 1))) == "invalid_message"
    header = {"msg_id": "1", "msg_type": "x", "x": "x" * HEADER_LIMIT}
    assert refusal(request(header=header, channel="iopub")) == "invalid_message"


def test_a_kernel_may_repeat_the_longest_header():
    fields = {str(n): n for n in range(1000)}
    header = json.loads(parse(with_header(**fields), date=NOW).header)
    _, message = from_kernel({}, parent=header)
    assert json.loads(message.parent_header) == header


@pytest.mark.parametrize("channel", ["iopub", "hb", "", "Shell", 1, 0, False, [], {}, ["shell"]])
def test_an_unknown_channel_can_be_answered(channel):
    with pytest.raises(UnknownChannel) as caught:
        parse(request(channel=channel), date=NOW)
    assert caught.value.code == "unknown_channel"
    assert json.loads(caught.value.header)["msg_id"] == "1"


def test_shell_is_where_messages_go():
    assert parse(request(channel=None), date=NOW).channel == SHELL
    assert parse(request(), date=NOW).channel == SHELL


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\x00",
        b"\xff\xfe",
        b"{" * 1000,
        b"[" * (4 * MIB),
        b'{"a":' * (4 * MIB // 5),
        b'"' + b"x" * (4 * MIB),
        request().decode().encode("utf-16"),
        b'{"header": NaN}',
        with_header(x=float("inf")),
        request(content={"x": float("nan")}),
        request(content={"x": "?"}).replace(b'"?"', b"1e999"),
        request(content={"x": "?"}).replace(b'"?"', b"9" * 5000),
        request(metadata={"x": "?"}).replace(b"?", b"\xed\xa0\x80"),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_not_json_is_refused(text):
    assert refusal(text) == "invalid_json"


@pytest.mark.parametrize("depth", [100, 400, 900, 930, 960, 990, 5000, 200_000])
def test_nesting_of_any_depth_is_a_message_or_an_error(depth):
    nested = b"[" * depth + b"]" * depth
    text = request(content={"x": "?"}).replace(b'"?"', nested)
    message = parsed_or_refused(text)
    if isinstance(message, WireError):
        assert depth > 400
        assert message.code == "invalid_json"
    else:
        assert message.content == b'{"x":' + nested + b"}"


def test_lone_surrogates_pass():
    message = parse(request(content={"code": "\ud800"}), date=NOW)
    assert message.content == b'{"code":"\\ud800"}'


def test_of_repeated_keys_the_last_one_counts():
    text = request()[:-1] + b', "content": {"code": "last"}}'
    assert parse(text, date=NOW).parsed_content() == {"code": "last"}


def test_four_megabytes_pass():
    code = "é" * (2 * MIB)
    assert json.loads(parse(request(content={"code": code}), date=NOW).content) == {"code": code}


parts = st.fixed_dictionaries(
    {},
    optional={
        "header": json_values | json_objects.map({"msg_id": "1", "msg_type": "x"}.__or__),
        "parent_header": json_values,
        "metadata": json_values,
        "content": json_values,
        "channel": json_values | st.sampled_from(["shell", "iopub"]),
    },
)


@given(st.binary() | st.text().map(str.encode) | parts.map(dump) | json_values.map(dump))
def test_anything_is_a_message_or_an_error(text):
    message = parsed_or_refused(text)
    if isinstance(message, WireError):
        assert message.code in {"invalid_json", "invalid_message", "unknown_channel"}
    else:
        assert json.loads(encode(message))["header"]["msg_id"] == message.msg_id


@pytest.mark.parametrize("buffers", [["?"], ["AP8"], [""] * (textwire.MOST_BUFFERS + 1)])
def test_buffers_that_are_no_base64_or_too_many_are_refused(buffers):
    assert refusal(request(buffers=buffers)) == "invalid_message"


@pytest.mark.parametrize("number", [1764460800, 1764460800.123, 0, -1])
def test_a_date_as_a_number_is_now(number):
    """`jupyter_server`'s gateway client, which nbclient and papermill use, writes dates so."""
    header = {"msg_id": "1", "msg_type": "execute_request", "date": number}
    assert json.loads(parse(request(header=header), date=NOW).header)["date"] == NOW
