"""A Jupyter message as one JSON text: SageMathCell's and Jupyter's default on a WebSocket.

    -> {"header": {...}, "parent_header": {}, "metadata": {}, "content": {...}, "channel": "shell"}
    <- the same with "msg_id" and "msg_type" beside the header, for older clients,
       and with "seq" for resumable clients

Buffers are a list of base64 texts, ``"buffers": ["AAEC"]``. Outgoing messages have it only for clients
that ask for it; in incoming ones, a list of anything else is ignored, as older clients send it.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from sagecell_tx.wire import jsonbounds
from sagecell_tx.wire.jsonbounds import HEADER_MARKS
from sagecell_tx.wire.messages import (
    CONTROL,
    NAME_LIMIT,
    PROTOCOL_VERSION,
    SHELL,
    STDIN,
    Message,
    WireError,
    dump,
    is_name,
    parse_object,
)

#: The channels on which a client may send.
CLIENT_CHANNELS = (SHELL, CONTROL, STDIN)

#: Bytes in a client's header. The kernel repeats it as the parent of everything it says, so a
#: long one would multiply; real ones have about 200.
HEADER_LIMIT = 16 * 1024


#: Buffers in a client's message: as many as in one of a Jupyter client.
MOST_BUFFERS = 1024


#: Bytes of a buffer that become base64 at once: a multiple of three.
_ENCODED = 48 * 1024


class UnknownChannel(WireError):
    """A client's message for a channel on which clients may not send.

    `header` is the message's header as JSON, for the parent_header of a reply.
    """

    def __init__(self, header: bytes) -> None:
        super().__init__(
            "unknown_channel", f"The channel must be one of: {', '.join(CLIENT_CHANNELS)}."
        )
        self.header = header


def encode(message: Message, seq: int | None = None) -> bytes:
    """The JSON text of `message`, in one piece."""
    return b"".join(render(message, seq))


def render(message: Message, seq: int | None = None) -> tuple[bytes, bytes, bytes]:
    """The JSON text of `message` in three pieces, to be written one after another.

    `seq` is its number, for resumable clients. The second is `Message.content` itself, so that a
    long one is not copied. The kernel's JSON is inserted unparsed. This server's own fields come
    last, so that they override any that malformed JSON from the kernel adds.
    """
    before = b'{"header":%b,"parent_header":%b,"metadata":%b,"content":' % (
        message.header,
        message.parent_header,
        message.metadata,
    )
    kind = _kind(message.msg_type, message.channel)
    number = b"" if seq is None else b',"seq":%d' % seq
    after = b',"msg_id":%b%b%b}' % (dump(message.msg_id), kind, number)
    return before, message.content, after


@lru_cache(maxsize=64)
def _kind(msg_type: str, channel: str) -> bytes:
    """The fields for type and channel; cached, since there are few."""
    return b',"msg_type":%b,"channel":%b' % (dump(msg_type), dump(channel))


def with_buffers(message: Message, seq: int | None = None) -> Iterator[bytes]:
    """The pieces of the same with its buffers in base64, of which there is at least one.

    Base64 is made when a piece is taken: while a client reads, only the message itself is kept, which
    all clients share.
    """
    before, content, after = render(message, seq)
    yield before
    yield content
    gathered, size, mark = [after[:-1]], 0, b',"buffers":["'
    for buffer in message.buffers:
        gathered.append(mark)
        mark = b'","'
        for start in range(0, len(buffer), _ENCODED):
            gathered.append(b64encode(buffer[start : start + _ENCODED]))
            size += len(gathered[-1])
            if size >= _ENCODED:
                yield b"".join(gathered)
                gathered, size = [], 0
    yield b"".join((*gathered, b'"]}'))


def length_with_buffers(message: Message, seq: int | None = None) -> int:
    """The bytes of all pieces of `with_buffers`."""
    encoded = sum((len(buffer) + 2) // 3 * 4 for buffer in message.buffers)
    marks = len(b',"buffers":[""]') + len(b'","') * (len(message.buffers) - 1)
    return sum(map(len, render(message, seq))) + encoded + marks


def parse(text: bytes | str, *, date: str) -> Message:
    """The message that a client sent as `text`, ready for a kernel.

    A message without a channel is for shell. Date, version, username and session are added to a
    header without them (`date` is the time now, ISO 8601 with zone, also in place of a number); its
    other keys stay.
    Raises `WireError`: invalid_json, invalid_message, unknown_channel (`UnknownChannel`).
    """
    return message_from(parse_object(text), date=date)


def message_from(fields: dict[str, Any], *, date: str) -> Message:
    """The message in a client's JSON object, which has been parsed; see `parse`."""
    header = _header(fields, date)
    channel = fields.get("channel")
    if channel is None:
        channel = SHELL
    elif channel not in CLIENT_CHANNELS:
        raise UnknownChannel(_dump_header(header))
    return Message(
        channel=channel,
        msg_id=header["msg_id"],
        msg_type=header["msg_type"],
        header=_dump_header(header),
        parent_header=_dump(_dictionary(fields, "parent_header")),
        metadata=_dump(_dictionary(fields, "metadata")),
        content=_dump(_dictionary(fields, "content")),
        buffers=_buffers(fields.get("buffers")),
    )


def _buffers(texts: object) -> tuple[bytes, ...]:
    """The buffers in a client's message."""
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return ()
    if len(texts) > MOST_BUFFERS:
        raise WireError("invalid_message", f"A message may have at most {MOST_BUFFERS} buffers.")
    try:
        return tuple(b64decode(text, validate=True) for text in texts)
    except (binascii.Error, ValueError) as error:
        raise WireError("invalid_message", "buffers must be base64 texts.") from error


def _header(fields: dict[str, Any], date: str) -> dict[str, Any]:
    """The header in a client's message, checked and completed."""
    header = fields.get("header")
    if not isinstance(header, dict):
        raise WireError("invalid_message", "The message has no header object.")
    return completed_header(header, date)


def completed_header(header: dict[str, Any], date: str) -> dict[str, Any]:
    """A client's header, checked, with what `parse` adds to it. Raises `WireError`."""
    for name in ("msg_id", "msg_type"):
        if not is_name(header.get(name)):
            raise WireError(
                "invalid_message",
                f"header.{name} must be a string of 1 to {NAME_LIMIT} characters.",
            )
    defaults = {"date": date, "version": PROTOCOL_VERSION, "username": "", "session": ""}
    for name, default in defaults.items():
        # `jupyter_server`'s gateway client writes dates as numbers: kernels do not read them so.
        is_number = name == "date" and type(header.get(name)) in (int, float)
        if header.get(name) is None or is_number:
            header[name] = default
        elif not isinstance(header[name], str):
            raise WireError("invalid_message", f"header.{name} must be a string.")
    return header


def _dictionary(fields: dict[str, Any], name: str) -> dict[str, Any]:
    """The object called `name` in a client's message; empty when absent or null."""
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise WireError("invalid_message", f"{name} must be an object.")
    return value


def _dump_header(header: dict[str, Any]) -> bytes:
    """JSON of a client's header; raises `WireError` if it is too large to be repeated."""
    dumped = _dump(header)
    if len(dumped) > HEADER_LIMIT:
        raise WireError("invalid_message", f"The header is longer than {HEADER_LIMIT} bytes.")
    if excess := jsonbounds.excess(dumped, HEADER_MARKS):  # the kernel's replies would be refused
        raise WireError("invalid_message", f"header: {excess}")
    return dumped


def _dump(value: dict[str, Any]) -> bytes:
    """JSON of a parsed value; raises `WireError` if Python cannot write it."""
    try:
        return dump(value)
    except (ValueError, RecursionError) as error:
        # 1e999 was read as infinity. How deep nesting may be depends on the stack, which may be
        # deeper here than in the parser.
        raise WireError("invalid_json", f"Not valid JSON: {error}") from error
