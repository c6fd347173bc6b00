"""Fast serialization of a kernel's messages, to JSON equivalent to jupyter_client's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import orjson
from jupyter_client.jsonutil import json_clean, json_default
from jupyter_client.session import DELIM, DONE, Session, json_packer
from traitlets import Callable

from sagecell_tx.kernelside.output.publisher import Publisher

#: orjson must not convert these types in its own way, but leave them to `json_packer`.
_PLAIN = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS
_CONTENT = _PLAIN | orjson.OPT_PASSTHROUGH_DATETIME

#: Messages that belong to an output block. That of a stream is added when its text is written.
_SHOWN = frozenset(
    {"display_data", "update_display_data", "execute_result", "error", "clear_output"}
)

#: The date of a header is a datetime.
_HEADER = _PLAIN | orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


#: Characters of a text for which orjson, which may take sixteen times as many bytes, is not used. Where memory is
#: limited, it ends the process instead of raising MemoryError.
LONG = 2**20

#: How deep in a message long texts are looked for, in dictionaries and short lists: as deep as outputs are.
_DEPTH = 4
_SHORT = 100


def pack(value: Any, option: int = _CONTENT) -> bytes:
    """JSON equivalent to that of jupyter_client's `json_packer`; raises what that raises.

    Also accepts lone surrogates, which are errors there; and, unless a text is long, UUIDs and enumeration members.
    """
    if _has_long_text(value):
        return _pack_slowly(value)
    try:
        packed = orjson.dumps(value, None, option)
    except TypeError:
        return _pack_slowly(value)
    # orjson writes NaN as null, json_packer as "nan".
    return _pack_slowly(value) if b"null" in packed else packed


def _has_long_text(value: Any, depth: int = _DEPTH) -> bool:
    """Whether there is a text of more than `LONG` characters in a dictionary or a short list. Runs no code of the program."""
    inside: Iterable[Any]
    if type(value) is dict:
        inside = list(value.values())  # another thread may change it meanwhile
    elif type(value) is list and len(value) <= _SHORT:
        inside = value
    else:
        return False
    for each in inside:
        if isinstance(each, str):
            if str.__len__(each) > LONG:
                return True
        elif depth > 1 and _has_long_text(each, depth - 1):
            return True
    return False


def _pack_slowly(value: Any) -> bytes:
    try:
        packed: bytes = json_packer(value)
    except UnicodeEncodeError:
        # Lone surrogates are escaped: a traceback with one could otherwise not be sent.
        text = json.dumps(json_clean(value), default=json_default, allow_nan=False)
        packed = text.encode("ascii")
    return packed


class CellSerializer(Session):
    """The session of a kernel: its id, its key, and its count of messages."""

    pack = Callable(pack)

    #: Metadata of display messages from now on: the block of an interact, or None for the cell.
    block: dict[str, Any] | None = None

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._numbers = count(1)

    @property
    def msg_id(self) -> str:
        """A new id; unlike `Session.msg_id`, unique among threads too."""
        return f"{self.session}_{next(self._numbers)}"

    @contextmanager
    def uncounted(self) -> Iterator[None]:
        """Within, messages are numbered apart: those that follow have the ids that they had."""
        numbers, self._numbers = self._numbers, count(1)
        try:
            yield
        finally:
            self._numbers = numbers

    def msg(
        self,
        msg_type: str,
        content: dict[str, Any] | None = None,
        parent: dict[str, Any] | None = None,
        header: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """A new message; a display message has the output block in its metadata."""
        if self.block is not None and msg_type in _SHOWN:
            metadata = {**self.block, **(metadata or {})}
        message: dict[str, Any] = super().msg(msg_type, content, parent, header, metadata)
        return message

    def serialize(self, msg: dict[str, Any], ident: Any = None) -> list[bytes]:
        """See `Session.serialize`: the frames of a message, signed."""
        if not isinstance(msg.get("content"), dict):
            frames: list[bytes] = super().serialize(msg, ident)
            return frames
        content = pack(msg["content"])
        parts = [
            pack(msg["header"], _HEADER),
            pack(msg["parent_header"], _HEADER),
            pack(msg["metadata"]),
            content,
        ]
        idents = ident if isinstance(ident, list) else [] if ident is None else [ident]
        return [*idents, DELIM, self.sign(parts), *parts]

    def send(
        self,
        stream: Any,
        msg_or_type: Any,
        content: dict[str, Any] | None = None,
        parent: dict[str, Any] | None = None,
        ident: Any = None,
        buffers: Any = None,
        track: bool = False,
        header: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> dict[str, Any] | None:
        """See `Session.send`; faster for a `Publisher` and a message without buffers."""
        message: dict[str, Any] = msg_or_type
        if isinstance(msg_or_type, str):
            message = self.msg(msg_or_type, content, parent, header, metadata)
        plain = isinstance(message, dict) and not (buffers or message.get("buffers"))
        if not plain or type(stream) is not Publisher or stream.forked:
            sent: dict[str, Any] | None = super().send(
                stream, message, ident=ident, buffers=buffers, track=track
            )
            return sent
        stream.send_multipart(self.serialize(message, ident))
        message["tracker"] = DONE
        return message
