"""The entries of a kernel's iopub queue."""

from __future__ import annotations

from typing import Any

from attrs import define, field

#: Bytes that are counted for a queue entry beside its payload.
ENTRY = 256


@define(eq=False)
class Text:
    """Text of one stream that belongs to one request and, if any, one output block."""

    stream: str
    parent: dict[str, Any]
    block: dict[str, Any] | None
    born: float
    parts: list[str] = field(factory=list)
    size: int = 0
    complete: bool = False  # send it without waiting for more
    written: bool = False  # it is in the readers' sockets


@define(eq=False)
class Frames:
    """A serialized message."""

    frames: list[bytes]
    size: int
    written: bool = False  # as above
