"""Messages of a kernel become bytes quickly, and mean what jupyter_client's would mean."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import orjson
from jupyter_client.jsonutil import json_clean, json_default
from jupyter_client.session import DELIM, DONE, Session, json_packer
from traitlets import Callable

from sagecell_tx.kernelside.output.publisher import Publisher

#: orjson is to write JSON, not all that it knows beside; `json_packer` has its own ways there.
_PLAIN = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS
_CONTENT = _PLAIN | orjson.OPT_PASSTHROUGH_DATETIME

#: What a page shows somewhere: the output block is where. Text learns its own when it is written.
_SHOWN = frozenset(
    {"display_data", "update_display_data", "execute_result", "error", "clear_output"}
)

#: The date of a header is a datetime.
_HEADER = _PLAIN | orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


def pack(value: Any, option: int = _CONTENT) -> bytes:
    """JSON that means what jupyter_client's `json_packer` writes, or its error.

    It goes further only for UUIDs, members of enumerations and halves of surrogate pairs, which are
    errors there.
    """
    try:
        packed = orjson.dumps(value, None, option)
    except TypeError:
        return _pack_slowly(value)
    # Not a number is null to orjson, "nan" to the other.
    return _pack_slowly(value) if b"null" in packed else packed


def _pack_slowly(value: Any) -> bytes:
    try:
        packed: bytes = json_packer(value)
    except UnicodeEncodeError:
        # Escaped, as JSON may have them: a traceback with one would otherwise not be told.
        text = json.dumps(json_clean(value), default=json_default, allow_nan=False)
        packed = text.encode("ascii")
    return packed


class CellSerializer(Session):
    """The kernel's name and key, and the numbers of its messages."""

    pack = Callable(pack)

    #: Metadata of what is shown from now on: the block of an interact, or None for the cell.
    block: dict[str, Any] | None = None

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._numbers = count(1)

    @property
    def msg_id(self) -> str:
        """A new id; unlike the one it replaces, unique among threads too."""
        return f"{self.session}_{next(self._numbers)}"

    def msg(
        self,
        msg_type: str,
        content: dict[str, Any] | None = None,
        parent: dict[str, Any] | None = None,
        header: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """A new message; one that is shown says in which output block."""
        if self.block is not None and msg_type in _SHOWN:
            metadata = {**self.block, **(metadata or {})}
        message: dict[str, Any] = super().msg(msg_type, content, parent, header, metadata)
        return message

    def serialize(self, msg: dict[str, Any], ident: Any = None) -> list[bytes]:
        """The frames of a message."""
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
        """Send a message; to a publisher, without what is there for sockets and buffers."""
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
