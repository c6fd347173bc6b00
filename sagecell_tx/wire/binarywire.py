"""Messages with buffers in Jupyter's default protocol on a WebSocket, which are binary.

    n  offset*n  message  buffer*

`n` and the offsets are big-endian integers of 32 bits. An offset is where a part begins, counted from the
first byte; a part ends where the next one begins, and the last one with the whole. The first part is the
message as JSON text, as in `textwire`. A message without buffers is that text alone.

Source: https://jupyter-server.readthedocs.io/en/latest/developers/websocket-protocols.html
"""

from __future__ import annotations

import struct
from itertools import accumulate, pairwise

import attrs

from sagecell_tx.wire import textwire
from sagecell_tx.wire.messages import BUFFERS, Message, WireError

#: The bytes of a number.
_NUMBER = 4


def render_text(message: Message) -> tuple[bytes, ...]:
    """The text of a message without buffers as pieces, to be written one after another."""
    before, content, after = textwire.render(message)
    return before, content, after[:-1] + b',"buffers":[]}'


def render_binary(message: Message) -> tuple[bytes, ...]:
    """A message with buffers as pieces, to be written one after another."""
    before, content, after = textwire.render(message)
    lengths = [len(before) + len(content) + len(after), *map(len, message.buffers)]
    begin = _NUMBER * (len(lengths) + 1)
    offsets = list(accumulate(lengths[:-1], initial=begin))
    table = struct.pack(f"!{len(offsets) + 1}I", len(offsets), *offsets)
    return (table + before, content, after, *message.buffers)


def parse(data: bytes, *, date: str) -> Message:
    """The message that a client sent as binary `data`, ready for a kernel.

    Raises `WireError` as `textwire.parse` does, and invalid_message, invalid_utf8.
    """
    text, *buffers = _parts(data)
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WireError("invalid_utf8", f"The message is not UTF-8: {error.reason}.") from error
    return attrs.evolve(textwire.parse(text, date=date), buffers=tuple(buffers))


def _parts(data: bytes) -> list[bytes]:
    """The parts of a message, whose offsets have been checked. Raises `WireError`."""
    count = int.from_bytes(data[:_NUMBER], "big")
    begin = _NUMBER * (count + 1)
    if not 0 < count <= 1 + BUFFERS or len(data) < begin:
        raise WireError("invalid_message", f"The message has not 1 to {1 + BUFFERS} parts.")
    offsets = (*struct.unpack_from(f"!{count}I", data, _NUMBER), len(data))
    if offsets[0] != begin or any(first > second for first, second in pairwise(offsets)):
        raise WireError("invalid_message", "The offsets are not in order, or not in the message.")
    return [data[first:second] for first, second in pairwise(offsets)]
