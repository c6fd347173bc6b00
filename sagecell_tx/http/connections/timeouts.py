"""Closes a connection whose request does not arrive in time, or whose answer is not read in time.

There is no deadline while a request is being answered: a long poll or a program takes its time, and
code that writes an answer in pieces has its own deadline for the client to read them.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import Request
from typing_extensions import override

from sagecell_tx.http.connections.fairness import FairChannel
from sagecell_tx.http.connections.limits import ConnectionLimits
from sagecell_tx.wire.messages import dump

_log = Logger()

#: Seconds from the start of a connection, or of a further request, to the end of the headers.
HEADERS = 30.0

#: Seconds from the end of an answer to the start of the next request.
IDLE = 60.0

#: Seconds to receive a body, or to deliver a written answer, in addition to those for its size.
GRACE = 30.0

#: Bytes a second at which a body must arrive, and an answer must be read.
RATE = 4096

#: Most seconds that an answer's size adds: most of a long one was read before its end was written.
LONGEST = 600.0


class _Phase(Enum):
    """The state of a connection."""

    IDLE = "waits for another request"
    HEADERS = "receives a request's headers"
    BODY = "receives a request's body"
    ANSWERING = "answers a request, or was upgraded to another protocol"
    CLOSING = "will be closed once everything is written"


class TimedChannel(FairChannel):
    """An HTTP connection with deadlines. One timer runs at a time, none while answering."""

    transport: Any  # until another protocol takes it over
    connection_limits: ConnectionLimits
    _phase = _Phase.HEADERS
    _timer: IDelayedCall | None = None
    _leave: Callable[[], None] | None = None
    _silent = True  # nothing was received since the connection or the last answer
    _answered = False  # the answer has begun, perhaps before the end of the request
    _begun = 0.0  # when the body began
    _received = 0  # bytes of the body, including the chunk sizes
    _sent = 0  # bytes of the last answer

    @override
    def connectionMade(self) -> None:
        """Start the first deadline, or refuse the connection if its address has too many."""
        super().connectionMade()
        self._leave = self.connection_limits.enter(self.transport.getPeer())
        if self._leave is None:
            self._refuse(429, "Too Many Requests", "too_many_connections", _TOO_MANY)
            return
        self.connection_limits.mark_idle(self)
        self._enter(_Phase.HEADERS, HEADERS)

    @override
    def dataReceived(self, data: bytes) -> None:
        """Receive `data`, which starts the deadline for headers if the connection was idle."""
        self._silent = False
        match self._phase:
            case _Phase.CLOSING:
                return
            case _Phase.IDLE:
                self.connection_limits.mark_idle(self)
                self._enter(_Phase.HEADERS, HEADERS)
            case _Phase.BODY:
                self._received += len(data)
        super().dataReceived(data)

    @override
    def allHeadersReceived(self) -> None:
        """A request's headers have arrived; start the deadline for its body, perhaps empty."""
        self._begun, self._received = self.clock.seconds(), 0
        self._enter(_Phase.BODY, GRACE)
        self.connection_limits.mark_asking(self)
        super().allHeadersReceived()

    @override
    def checkPersistence(self, request: Request, version: bytes) -> bool:
        """Whether the connection stays open after the answer to this request."""
        if self.connection_limits.moves_on:
            request.responseHeaders.setRawHeaders(b"connection", [b"close"])
            return False
        return bool(super().checkPersistence(request, version))

    @override
    def allContentReceived(self) -> None:
        """The whole request has arrived: there is no deadline while it is answered."""
        self.connection_limits.mark_active(self)
        self._enter(_Phase.ANSWERING, None)
        super().allContentReceived()

    @override
    def writeHeaders(self, *args: Any) -> None:
        """Write an answer's head; from here on no other answer can be given."""
        self._answered = True
        super().writeHeaders(*args)

    @override
    def requestDone(self, request: Request) -> None:
        """An answer is written; start the deadline for the next request."""
        self._sent = request.sentLength or 0
        self._silent, self._answered = True, False
        self.connection_limits.mark_idle(self)
        self._enter(_Phase.IDLE, IDLE + self._to_take)
        super().requestDone(request)

    @override
    def resumeProducing(self) -> None:
        """The client has read what was written, which restarts the deadline for a request."""
        super().resumeProducing()
        if self._phase is _Phase.IDLE:
            self._enter(_Phase.IDLE, IDLE)

    @override
    def loseConnection(self) -> None:
        """Close when everything is written, or when the client does not read it in time."""
        self.connection_limits.mark_idle(self)
        if self.connection_limits.moves_on:  # the server does not end before the client has read it
            self.connection_limits.mark_asking(self)
        self._enter(_Phase.CLOSING, GRACE + self._to_take)
        super().loseConnection()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection has ended."""
        self._enter(_Phase.CLOSING, None)
        self.hand_over()()
        super().connectionLost(reason)

    def hand_over(self) -> Callable[[], None]:
        """Let another protocol take over; returns what it must call once, at its end."""
        self.connection_limits.forget(self)
        leave, self._leave = self._leave, None
        return leave or (lambda: None)

    def hang_up(self) -> None:
        """See `IdleConnection.hang_up`."""
        self.transport.abortConnection()

    # --- inside

    @property
    def _to_take(self) -> float:
        """Seconds to read the last answer, by its size."""
        return min(self._sent / RATE, LONGEST)

    def _enter(self, phase: _Phase, seconds: float | None) -> None:
        """Enter a phase that may last so many seconds, or any time if that is None."""
        self._phase = phase
        if self._timer is not None:
            if self._timer.active() and seconds is not None:
                self._timer.reset(seconds)
                return
            if self._timer.active():
                self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = self.clock.callLater(seconds, self._late)

    def _late(self) -> None:
        """The deadline of the phase has passed."""
        self._timer = None
        if self._phase is _Phase.CLOSING:
            self.hang_up()
            return
        if self._phase is _Phase.BODY:
            left = GRACE + self._received / RATE - (self.clock.seconds() - self._begun)
            if left > 0:
                self._enter(_Phase.BODY, left)
                return
        if self._phase is _Phase.IDLE or self._silent or self._answered:
            self._sent = 0
            self.loseConnection()
            return
        _log.info("a request from {peer} did not arrive in time", peer=self.transport.getPeer())
        self._refuse(408, "Request Timeout", "request_timeout", _TOO_SLOW)

    def _refuse(self, status: int, phrase: str, code: str, sentence: str) -> None:
        """Answer before there is a whole request, and close."""
        body = dump({"error": code, "message": sentence})
        lines = [
            f"HTTP/1.1 {status} {phrase}",
            "Access-Control-Allow-Origin: *",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *(["Retry-After: 5"] if status == 429 else []),
        ]
        self._sent = 0
        self.transport.write("\r\n".join([*lines, "", ""]).encode("ascii") + body)
        self.loseConnection()


_TOO_MANY = "Your address has too many connections to this server. Please try again in a moment."
_TOO_SLOW = "The request did not arrive in time."
