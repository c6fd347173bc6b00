"""Jupyter messages: two parsed header fields, and the JSON as it was received.

The bridge passes most messages on unparsed, so a `Message` keeps the four dictionaries of the
Jupyter messaging specification as bytes. Only the header is parsed on arrival, the rest where
it is needed.

Source: https://jupyter-client.readthedocs.io/en/stable/messaging.html
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, TypeGuard

import orjson
from attrs import frozen

from sagecell_tx.wire import jsonbounds
from sagecell_tx.wire.jsonbounds import HEADER_MARKS

SHELL = "shell"
IOPUB = "iopub"
STDIN = "stdin"
CONTROL = "control"

#: The version of the messaging specification that this server writes.
PROTOCOL_VERSION = "5.3"

#: Characters in a msg_id or a msg_type. Jupyter's own ids are a UUID with two counters, some
#: 50 characters; both are stored, logged and repeated, so they must be short.
NAME_LIMIT = 256

#: Buffers in a client's message: widgets send one for each array or picture.
BUFFERS = 1024

#: Bytes that a buffer counts for beside its own: the memory that its object takes. A kernel's message may have
#: thousands that are empty.
BUFFER = 64

#: The longest content that is parsed, in bytes: a longer one would block the reactor for too long.
PARSED = 4 << 20


class WireError(Exception):
    """Malformed input, or input that exceeds a limit.

    `code` is stable and for programs, the text a sentence for people.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@frozen(kw_only=True)
class Message:
    """One Jupyter message on one channel of one kernel.

    `header`, `parent_header`, `metadata` and `content` are UTF-8 JSON objects, `buffers`
    raw bytes. `msg_id` and `msg_type` are the header's.
    """

    channel: str
    msg_id: str
    msg_type: str
    header: bytes
    parent_header: bytes = b"{}"
    metadata: bytes = b"{}"
    content: bytes = b"{}"
    buffers: tuple[bytes, ...] = ()

    @property
    def size(self) -> int:
        """The message's bytes, as they count against a message log and a limit of output.

        Headers and metadata count, too, or a kernel could hide any amount there.
        """
        size = len(self.header) + len(self.parent_header) + len(self.metadata) + len(self.content)
        if self.buffers:
            size += sum(map(len, self.buffers)) + BUFFER * len(self.buffers)
        return size

    @property
    def parent_id(self) -> str:
        """The `msg_id` of the request that this message belongs to; empty for none."""
        return _msg_id_in(self.parent_header)

    def parsed_content(
        self, longest: int = PARSED, marks: int = jsonbounds.MARKS
    ) -> dict[str, Any]:
        """The content as a dictionary; raises `WireError` if it is not one or exceeds a limit.

        The limits are `longest`, in bytes, and `marks`; see `jsonbounds.MARKS`.
        """
        if len(self.content) > longest:
            raise WireError("content_too_long", f"The content is longer than {longest} bytes.")
        return parse_object(self.content, marks)


@lru_cache(maxsize=16)
def _msg_id_in(header: bytes) -> str:
    """The `msg_id` in a header; cached, since all output of an execution repeats its header."""
    try:
        msg_id = parse_fields(header, HEADER_MARKS).get("msg_id")
    except WireError:
        return ""
    return msg_id if isinstance(msg_id, str) else ""


def is_name(value: object) -> TypeGuard[str]:
    """Whether `value` can be a msg_id or a msg_type: a string of 1 to `NAME_LIMIT` characters."""
    return isinstance(value, str) and 0 < len(value) <= NAME_LIMIT


def parse_object(data: bytes | str, marks: int = jsonbounds.MARKS) -> dict[str, Any]:
    """Parse a JSON object, in UTF-8 if bytes; raises `WireError` for anything else, also NaN."""
    value = parse_json(data, marks)
    if not isinstance(value, dict):
        raise WireError("invalid_message", "Expected a JSON object.")
    return value


def parse_json(data: bytes | str, marks: int = jsonbounds.MARKS) -> Any:
    """Parse any JSON value, in UTF-8 if bytes; raises `WireError`, also for an exceeded limit."""
    excess = jsonbounds.excess(data, marks)
    if excess:
        raise WireError("invalid_json", excess)
    try:
        # json.loads would guess the encoding of bytes and take UTF-16 as well.
        return _DECODER.decode(data if isinstance(data, str) else data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise WireError("invalid_json", f"Not valid JSON: {error}") from error


def parse_fields(data: bytes, marks: int = jsonbounds.MARKS) -> dict[str, Any]:
    """As `parse_object`, for an object of which only the texts are used; faster if it is short.

    Whole numbers of more than 64 bits may come as floats.
    """
    if len(data) <= jsonbounds.SHORT:
        try:
            fields = orjson.loads(data)
        except orjson.JSONDecodeError:
            pass  # `parse_object` takes more, such as lone surrogates, and knows what is wrong
        else:
            if isinstance(fields, dict):
                return fields
    return parse_object(data, marks)


def dump(value: Any) -> bytes:
    """JSON text of `value`, compact, in ASCII so that even lone surrogates survive.

    Raises ValueError for an infinite number, RecursionError for nesting that is too deep.
    """
    return _ENCODER.encode(value).encode("ascii")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


# Made once: the json module's functions make a new one for each call with options.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=jsonbounds.whole_number)
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def originate(
    channel: str,
    msg_type: str,
    content: dict[str, Any],
    *,
    session: str,
    msg_id: str,
    date: str,
    parent_header: bytes = b"{}",
) -> Message:
    """Create a message of this server itself, to a kernel or on behalf of one.

    `session` is the kernel's id, `date` an ISO 8601 time with zone.
    """
    header = {
        "msg_id": msg_id,
        "msg_type": msg_type,
        "session": session,
        "username": "",
        "date": date,
        "version": PROTOCOL_VERSION,
    }
    return Message(
        channel=channel,
        msg_id=msg_id,
        msg_type=msg_type,
        header=dump(header),
        parent_header=parent_header,
        content=dump(content),
    )
