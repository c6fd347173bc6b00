"""Frames of the subprotocol v1, there and back, and with invalid offsets."""

from __future__ import annotations

import json
import struct
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sagecell_tx.wire import v1wire
from sagecell_tx.wire.messages import BUFFERS, IOPUB, SHELL, Message, WireError
from sagecell_tx.wire.textwire import HEADER_LIMIT, UnknownChannel
from tests.wire.strategies import json_objects, names

NOW = "2026-01-02T03:04:05.678901Z"
HEADER = {
    "msg_id": "1",
    "msg_type": "comm_msg",
    "date": NOW,
    "version": "5.4",
    "username": "u",
    "session": "s",
}

buffers = st.lists(st.binary(max_size=40), max_size=4).map(tuple)


def frames(*parts: bytes, offsets: list[int] | None = None, count: int | None = None) -> bytes:
    """The parts with their offsets, as clients write them."""
    if offsets is None:
        offsets = [8 * (len(parts) + 2)]
        for part in parts:
            offsets.append(offsets[-1] + len(part))
    table = struct.pack(f"<{len(offsets) + 1}Q", len(offsets) if count is None else count, *offsets)
    return table + b"".join(parts)


def request(
    channel: bytes = b"shell",
    header: object = HEADER,
    content: bytes = b'{"data":{}}',
    more: tuple[bytes, ...] = (),
) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return frames(channel, text, b"{}", b"{}", content, *more)


def refusal(data: bytes) -> str:
    with pytest.raises(WireError) as caught:
        v1wire.parse(data, date=NOW)
    return caught.value.code


@given(json_objects, json_objects, json_objects, buffers, st.sampled_from(["shell", "control"]))
def test_what_is_written_is_read_again_byte_for_byte(content, metadata, parent, buffers, channel):
    header = json.dumps(HEADER, indent=1).encode()
    parts = [json.dumps(each).encode() for each in (parent, metadata, content)]
    message = Message(
        channel=channel,
        msg_id="1",
        msg_type="comm_msg",
        header=header,
        parent_header=parts[0],
        metadata=parts[1],
        content=parts[2],
        buffers=buffers,
    )
    assert v1wire.parse(b"".join(v1wire.render(message)), date=NOW) == message


def test_the_layout_is_jupyter_servers():
    """What jupyter_server 2.21 makes of the same message with `serialize_msg_to_ws_v1`."""
    message = Message(
        channel=IOPUB,
        msg_id="1",
        msg_type="x",
        header=b'{"a":1}',
        parent_header=b"{}",
        metadata=b"{}",
        content=b'{"b":2}',
        buffers=(b"\x00\xff",),
    )
    expected = (
        bytes.fromhex(
            "0700000000000000"
            "4000000000000000"
            "4500000000000000"
            "4c00000000000000"
            "4e00000000000000"
            "5000000000000000"
            "5700000000000000"
            "5900000000000000"
        )
        + b'iopub{"a":1}{}{}{"b":2}\x00\xff'
    )
    assert b"".join(v1wire.render(message)) == expected


def test_a_long_content_and_buffers_are_not_copied():
    content, buffer = b'{"a":"%b"}' % (b"x" * 1000), b"y" * 1000
    message = Message(
        channel=IOPUB, msg_id="1", msg_type="x", header=b"{}", content=content, buffers=(buffer,)
    )
    _, first, second = v1wire.render(message)
    assert first is content
    assert second is buffer


@given(names)
def test_an_incomplete_header_is_completed_and_keeps_other_keys(msg_id):
    header = {"msg_id": msg_id, "msg_type": "execute_request", "subshell_id": "x"}
    message = v1wire.parse(request(header=header), date=NOW)
    assert message.msg_id == msg_id
    assert json.loads(message.header) == header | {
        "date": NOW,
        "version": "5.3",
        "username": "",
        "session": "",
    }


def test_empty_parts_are_empty_objects():
    message = v1wire.parse(frames(b"shell", json.dumps(HEADER).encode(), b"", b"", b""), date=NOW)
    assert (message.parent_header, message.metadata, message.content) == (b"{}", b"{}", b"{}")


@pytest.mark.parametrize("channel", [b"iopub", b"", b"\xff", b"shell\0"])
def test_another_channel_is_told_with_the_header(channel):
    with pytest.raises(UnknownChannel) as caught:
        v1wire.parse(request(channel), date=NOW)
    assert json.loads(caught.value.header) == HEADER


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x07",
        b"\xff" * 8,
        b"\xff" * 4096,
        frames(b"shell", b"{}", b"{}", b"{}"),
        request(more=(b"",) * (BUFFERS + 1)),
        request() + b"x",
        request()[:-1],
        frames(b"shell", b"{}", b"{}", b"{}", b"{}", count=2**63),
        frames(b"x" * 65, json.dumps(HEADER).encode(), b"{}", b"{}", b"{}"),
        frames(b"xxxxxxxx", offsets=[56, 64, 56, 64, 56, 64]),
        frames(b"xxxxxxxx", offsets=[0, 8, 16, 24, 32, 64]),
        frames(b"xxxxxxxx", offsets=[56, 2**64 - 1, 2**64 - 1, 2**64 - 1, 2**64 - 1, 64]),
        request(header=b"[]"),
        request(header=b"{"),
        request(header=b"\xff"),
        request(header={"msg_id": "1"}),
        request(header=HEADER | {"msg_id": 1}),
        request(header=HEADER | {"version": 1}),
        request(header=HEADER | {"more": "x" * HEADER_LIMIT}),
        request(header=HEADER | {"more": [1] * 5000}),
        request(content=b"[]"),
        request(content=b'{"a":"\xff"}'),
    ],
)
def test_what_is_no_message_is_refused(data):
    assert refusal(data) == "invalid_message"


def test_as_many_buffers_as_allowed_are_read():
    assert len(v1wire.parse(request(more=(b"",) * BUFFERS), date=NOW).buffers) == BUFFERS


@given(st.binary(max_size=200))
@example(frames(b"shell", b"{}", b"{}", b"{}", b"{}"))
def test_random_bytes_are_a_message_or_refused(data):
    assert refusal(data) in ("invalid_message", "unknown_channel")


@given(st.lists(st.integers(0, 200), min_size=6, max_size=9))
def test_random_offsets_lead_nowhere_else(offsets):
    data = frames(b"shell" + json.dumps(HEADER).encode() + b"{}{}{}" * 10, offsets=offsets)
    with suppress(WireError):
        assert v1wire.parse(data, date=NOW).channel == SHELL
