"""Connections that are refused with an answer, since the process has few descriptors left.

A client whose connection is closed, or not accepted, does not learn why or when to come back. A
refused one takes a descriptor of a reserve for a moment: its request is read up to the end of the
head, answered with 503, which ends the handshake of a WebSocket as well, and not processed.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from sagecell_tx.http.connections.strict import ADDRESS, HEADERS, LINGER
from sagecell_tx.wire.messages import dump

#: Seconds for a request's head to arrive, after which the answer is sent nevertheless.
PATIENCE = 2.0

#: Bytes after which a client that goes on sending is disconnected, as for other refusals.
_POLITENESS = 8 * ADDRESS

#: Seconds after which a client may come back.
RETRY = 5

# A code that begins as the others of this kind: the page waits and tries again by itself.
_SENTENCE = "This server has too many connections and programs. Please try again in a moment."
_BODY = dump({"error": "too_many_descriptors", "message": _SENTENCE})
ANSWER = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"Access-Control-Allow-Origin: *\r\n"
    b"Access-Control-Expose-Headers: Retry-After\r\n"
    b"Content-Type: application/json\r\n"
    b"Content-Length: %d\r\n"
    b"Retry-After: %d\r\n"
    b"Connection: close\r\n\r\n" % (len(_BODY), RETRY)
) + _BODY

_END_OF_HEAD = b"\r\n\r\n"


@define(kw_only=True)
class Refusals:
    """The refused connections that are not closed yet."""

    clock: IReactorTime
    _open: dict[RefusedConnection, None] = field(factory=dict, init=False)  # the oldest first

    def __len__(self) -> int:
        return len(self._open)

    def connection(self) -> RefusedConnection:
        """The protocol of one more, which it counts until it is closed."""
        refused = RefusedConnection(self)
        self._open[refused] = None
        return refused

    def closed(self, refused: RefusedConnection) -> None:
        """A connection is closed. Harmless if repeated."""
        self._open.pop(refused, None)

    def hang_up(self, most: int) -> int:
        """Close at most `most` of them at once, the oldest first; returns how many."""
        oldest = list(islice(self._open, max(0, most)))
        for refused in oldest:
            self.closed(refused)
            refused.hang_up()
        return len(oldest)


class RefusedConnection(Protocol):
    """Answers the first request with 503, and closes when the client has, or after a while."""

    transport: Any
    _received = 0  # bytes
    _end = b""  # the last bytes received, which may be a part of the end of the head
    _answered = False
    _timer: IDelayedCall | None = None

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals

    @override
    def connectionMade(self) -> None:
        """Wait for the request: an answer before it might be lost when the connection is closed."""
        self._wait(PATIENCE)

    @override
    def dataReceived(self, data: bytes) -> None:
        """Discard `data`; answer at the end of the head, or when the head is too long."""
        self._received += len(data)
        if self._answered:
            if self._received > _POLITENESS:
                self.hang_up()
            return
        seen = self._end + data
        self._end = seen[1 - len(_END_OF_HEAD) :]
        if _END_OF_HEAD in seen or self._received > ADDRESS + HEADERS:
            self._answer()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is closed."""
        self._refusals.closed(self)
        self._stop()

    def hang_up(self) -> None:
        """Close at once."""
        self._stop()
        self.transport.abortConnection()

    def _answer(self) -> None:
        self._answered = True
        self.transport.write(ANSWER)
        self._wait(LINGER)

    def _wait(self, seconds: float) -> None:
        self._stop()
        self._timer = self._refusals.clock.callLater(seconds, self._late)

    def _stop(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _late(self) -> None:
        if self._answered:
            self.hang_up()
        else:
            self._answer()
