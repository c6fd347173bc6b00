"""Messages in the WebSocket subprotocol ``v1.kernel.websocket.jupyter.org``.

    n  offset*n  channel  header  parent_header  metadata  content  buffer*

`n` and the offsets are little-endian integers of 64 bits. An offset is where a part begins, counted from
the message's first byte; the last one is the end of the last part. The parts are what a kernel's ZMQ frames
carry, so they are copied as they are, and of all the JSON only the header is parsed.

Source: https://jupyter-server.readthedocs.io/en/latest/developers/websocket-protocols.html
"""

from __future__ import annotations

import struct
from itertools import accumulate, pairwise

from sagecell_tx.wire import textwire
from sagecell_tx.wire.jsonbounds import HEADER_MARKS
from sagecell_tx.wire.messages import BUFFERS, Message, WireError, dump, parse_object

#: The name by which a client asks for this protocol.
SUBPROTOCOL = "v1.kernel.websocket.jupyter.org"

#: The bytes of a number.
_NUMBER = 8

#: Channel, header, parent header, metadata and content.
_PARTS = 5

#: Bytes in the name of a channel; the names that there are have seven at most.
_CHANNEL_LIMIT = 64


def render(message: Message) -> tuple[bytes, ...]:
    """The message as pieces, to be written one after another.

    The content and the buffers are pieces of their own, so that long ones are not copied.
    """
    short = (
        message.channel.encode("ascii"),
        message.header,
        message.parent_header,
        message.metadata,
    )
    long = (message.content, *message.buffers)
    lengths = [len(part) for part in (*short, *long)]
    begin = _NUMBER * (len(lengths) + 2)
    offsets = list(accumulate(lengths, initial=begin))
    table = struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets)
    return (b"".join((table, *short)), *long)


def parse(data: bytes, *, date: str) -> Message:
    """The message that a client sent as `data`, ready for a kernel.

    A header is completed as `textwire.parse` does it; a complete one and all other parts stay as they are.
    Raises `WireError`: invalid_message, unknown_channel (`textwire.UnknownChannel`).
    """
    channel, header, parent_header, metadata, content, *buffers = _parts(data)
    if len(header) > textwire.HEADER_LIMIT:
        raise _invalid(f"The header is longer than {textwire.HEADER_LIMIT} bytes.")
    try:
        fields = parse_object(header, HEADER_MARKS)
    except WireError as error:
        raise _invalid(f"header: {error.message}") from error
    given = dict(fields)
    completed = textwire.completed_header(fields, date)
    if completed != given:
        header = dump(completed)
    if channel not in _CHANNELS:
        raise textwire.UnknownChannel(header)
    return Message(
        channel=_CHANNELS[channel],
        msg_id=completed["msg_id"],
        msg_type=completed["msg_type"],
        header=header,
        parent_header=_json_object(parent_header, "parent_header"),
        metadata=_json_object(metadata, "metadata"),
        content=_json_object(content, "content"),
        buffers=tuple(buffers),
    )


_CHANNELS = {name.encode("ascii"): name for name in textwire.CLIENT_CHANNELS}


def _parts(data: bytes) -> list[bytes]:
    """The parts of a message, whose offsets have been checked. Raises `WireError`."""
    count = int.from_bytes(data[:_NUMBER], "little")
    if not _PARTS < count <= _PARTS + 1 + BUFFERS or len(data) < _NUMBER * (count + 1):
        raise _invalid(f"The message has not {_PARTS} to {_PARTS + BUFFERS} parts.")
    offsets = struct.unpack_from(f"<{count}Q", data, _NUMBER)
    if offsets[0] != _NUMBER * (count + 1) or offsets[-1] != len(data):
        raise _invalid("The offsets do not begin after the table or end with the message.")
    if any(begin > end for begin, end in pairwise(offsets)):
        raise _invalid("The offsets are not in order.")
    if offsets[1] - offsets[0] > _CHANNEL_LIMIT:
        raise _invalid(f"The channel is longer than {_CHANNEL_LIMIT} bytes.")
    return [data[begin:end] for begin, end in pairwise(offsets)]


def _json_object(part: bytes, name: str) -> bytes:
    """A part that is UTF-8, and begins and ends as a JSON object does; an empty one is ``{}``."""
    text = part.strip() or b"{}"
    if not (text.startswith(b"{") and text.endswith(b"}")):
        raise _invalid(f"{name} must be an object.")
    try:
        text.isascii() or text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _invalid(f"{name} is not UTF-8: {error.reason}.") from error
    return text


def _invalid(sentence: str) -> WireError:
    return WireError("invalid_message", sentence)
