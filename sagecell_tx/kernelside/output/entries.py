"""What waits in a kernel's queue to be said on iopub."""

from __future__ import annotations

from typing import Any

from attrs import define, field

#: What a queue entry takes beside its bytes.
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
    complete: bool = False  # no more of it comes soon
    written: bool = False  # it is in the readers' sockets


@define(eq=False)
class Frames:
    """A message as it goes over the wire."""

    frames: list[bytes]
    size: int
    written: bool = False  # as above
