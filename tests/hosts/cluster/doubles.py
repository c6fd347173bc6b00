"""Transports in memory."""

from __future__ import annotations

import json
from typing import Any

from attrs import define, field


@define(eq=False)
class MemoryTransport:
    """A transport as a protocol sees it: what was written, and what it was told to do."""

    written: bytes = b""
    reads: bool = True
    producer: Any = None
    closed: str = ""  # "lost" or "aborted"

    def write(self, data: bytes) -> None:
        self.written += data

    def pauseProducing(self) -> None:  # noqa: N802
        self.reads = False

    def resumeProducing(self) -> None:  # noqa: N802
        self.reads = True

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: N802
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:  # noqa: N802
        self.producer = None

    def loseConnection(self) -> None:  # noqa: N802
        self.closed = self.closed or "lost"

    def abortConnection(self) -> None:  # noqa: N802
        self.closed = "aborted"

    def getHandle(self) -> object:  # noqa: N802
        return self

    def messages(self) -> list[dict[str, Any]]:
        """The messages that were written since the last call."""
        written, self.written = self.written, b""
        return [json.loads(line) for line in written.splitlines()]


@define(eq=False)
class Side:
    """The other side of a stream: why it is not read."""

    unread_for: set[str] = field(factory=set)

    def pause(self, why: str) -> None:
        self.unread_for.add(why)

    def resume(self, why: str) -> None:
        self.unread_for.discard(why)
