"""Requests that wait while their kernel is being restarted."""

from __future__ import annotations

from attrs import define, field

from sagecell_tx.wire.messages import Message

#: Requests that may wait.
MOST = 1000


@define
class HeldRequests:
    """The requests, in order, of at most `most_bytes` together."""

    most_bytes: int
    _waiting: list[Message] = field(factory=list, init=False)
    _size: int = field(default=0, init=False)

    def put(self, request: Message) -> bool:
        """Hold a request; returns whether there was room."""
        if len(self._waiting) >= MOST or self._size + request.size > self.most_bytes:
            return False
        self._waiting.append(request)
        self._size += request.size
        return True

    def take(self) -> list[Message]:
        """All requests that waited; none is held any more."""
        waiting, self._waiting, self._size = self._waiting, [], 0
        return waiting
