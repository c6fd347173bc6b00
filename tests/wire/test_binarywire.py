"""Messages with buffers in Jupyter's default protocol, there and back, and with invalid offsets."""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.wire import binarywire
from sagecell_tx.wire.messages import BUFFERS, IOPUB, Message, WireError
from sagecell_tx.wire.textwire import UnknownChannel
from tests.wire.strategies import json_objects

NOW = "2026-01-02T03:04:05.678901Z"
REQUEST = {
    "header": {"msg_id": "1", "msg_type": "comm_msg"},
    "content": {"comm_id": "c"},
    "channel": "shell",
}

some = st.lists(st.binary(max_size=40), min_size=1, max_size=4).map(tuple)


def frames(*parts: bytes, offsets: list[int] | None = None, count: int | None = None) -> bytes:
    """The parts with their offsets, as clients write them."""
    if offsets is None:
        ends = [4 * (len(parts) + 1)]
        for part in parts:
            ends.append(ends[-1] + len(part))
        offsets = ends[:-1]
    number = len(offsets) if count is None else count
    return struct.pack(f"!{len(offsets) + 1}I", number, *offsets) + b"".join(parts)


def refusal(data: bytes) -> str:
    with pytest.raises(WireError) as caught:
        binarywire.parse(data, date=NOW)
    return caught.value.code


def message(content: bytes = b"{}", buffers: tuple[bytes, ...] = ()) -> Message:
    return Message(
        channel=IOPUB,
        msg_id="1",
        msg_type="display_data",
        header=b'{"msg_id":"1","msg_type":"display_data"}',
        content=content,
        buffers=buffers,
    )


@given(json_objects, some)
def test_the_json_and_the_buffers_are_what_the_kernel_sent(content, buffers):
    data = b"".join(binarywire.render_binary(message(json.dumps(content).encode(), buffers)))
    count = struct.unpack_from("!I", data)[0]
    begins = [*struct.unpack_from(f"!{count}I", data, 4), len(data)]
    text, *rest = (data[a:b] for a, b in pairwise(begins))
    assert tuple(rest) == buffers
    assert json.loads(text)["content"] == content
    assert json.loads(text)["channel"] == "iopub"


def test_the_layout_is_jupyter_servers():
    """As jupyter_server 2.21 writes with `serialize_binary_message`, but for the JSON's spaces."""
    data = b"".join(binarywire.render_binary(message(buffers=(b"\x00\xff", b"z"))))
    text = data[16:-3]
    assert data == struct.pack("!4I", 3, 16, 16 + len(text), 18 + len(text)) + text + b"\x00\xffz"
    assert json.loads(text)["msg_type"] == "display_data"


def test_a_text_has_no_buffers_and_says_so():
    text = b"".join(binarywire.render_text(message(b'{"a":1}')))
    assert json.loads(text) == {
        "header": {"msg_id": "1", "msg_type": "display_data"},
        "parent_header": {},
        "metadata": {},
        "content": {"a": 1},
        "msg_id": "1",
        "msg_type": "display_data",
        "channel": "iopub",
        "buffers": [],
    }


def test_a_long_content_and_buffers_are_not_copied():
    content, buffer = b'{"a":"%b"}' % (b"x" * 1000), b"y" * 1000
    assert content in {id(each): each for each in binarywire.render_text(message(content))}.values()
    pieces = binarywire.render_binary(message(content, (buffer,)))
    assert any(piece is content for piece in pieces)
    assert pieces[-1] is buffer


@given(some)
def test_a_clients_buffers_come_with_its_message(buffers):
    parsed = binarywire.parse(frames(json.dumps(REQUEST).encode(), *buffers), date=NOW)
    assert parsed.buffers == buffers
    assert (parsed.channel, parsed.msg_id, parsed.msg_type) == ("shell", "1", "comm_msg")
    assert json.loads(parsed.content) == {"comm_id": "c"}


def test_another_channel_is_told_with_the_header():
    text = json.dumps(REQUEST | {"channel": "iopub"}).encode()
    with pytest.raises(UnknownChannel) as caught:
        binarywire.parse(frames(text, b"x"), date=NOW)
    assert json.loads(caught.value.header)["msg_id"] == "1"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "invalid_message"),
        (b"\0\0\0", "invalid_message"),
        (b"\0\0\0\0", "invalid_message"),
        (b"\xff" * 64, "invalid_message"),
        (frames(b"{}", *[b""] * (BUFFERS + 1)), "invalid_message"),
        (frames(b"{}", count=2), "invalid_message"),
        (frames(b"{}xxxxxx", offsets=[0, 8]), "invalid_message"),
        (frames(b"{}xxxxxx", offsets=[12, 2**32 - 1]), "invalid_message"),
        (frames(b"{}xxxxxx", offsets=[12, 8]), "invalid_message"),
        (frames(b"[]", b"x"), "invalid_message"),
        (frames(b"{}", b"x"), "invalid_message"),
        (frames(b"{", b"x"), "invalid_json"),
        (frames(b'"\xff"', b"x"), "invalid_utf8"),
        (frames('{"header": {}}'.encode("utf-16"), b"x"), "invalid_utf8"),
    ],
)
def test_what_is_no_message_is_refused(data, code):
    assert refusal(data) == code


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(data):
    assert refusal(data) in ("invalid_message", "invalid_json", "invalid_utf8")


@given(st.lists(st.integers(0, 200), min_size=1, max_size=5))
def test_random_offsets_lead_nowhere_else(offsets):
    data = frames(json.dumps(REQUEST).encode(), offsets=offsets)
    with suppress(WireError):
        parsed = binarywire.parse(data, date=NOW)
        assert sum(map(len, parsed.buffers)) < len(data)
