"""The interface of a relay's sides: streams of bytes, each read only while the other is writable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Pausable(Protocol):
    """Something that is read, and that several reasons can keep from being read."""

    def pause(self, why: str) -> None:
        """Stop reading until every reason is resumed."""

    def resume(self, why: str) -> None:
        """Remove one reason; reads again if it was the last."""


class ByteStream(Pausable, Protocol):
    """A stream of bytes that holds few unwritten ones. `other` is paused while it has any."""

    other: Pausable | None

    def read(self) -> None:
        """Begin to read, unless paused or closed."""

    def write(self, data: bytes) -> None:
        """Write `data`; pauses the other side while some of it is unwritten."""

    def close_when_written(self) -> None:
        """Close as soon as all data is written."""

    def close(self) -> None:
        """Close at once, without calling `on_close`. Harmless if repeated."""


#: Opens a stream to one of a kernel's sockets: the socket's number, then what is called with the
#: data that is read, and at the end. Raises OSError.
OpenStream = Callable[[int, Callable[[bytes], None], Callable[[], None]], ByteStream]
