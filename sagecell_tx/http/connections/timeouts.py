"""A request comes in time, and an answer is taken in time, or the connection ends.

While a request is answered there is no deadline here: a long poll or a program takes its time,
and whoever writes an answer piece by piece sees to it that it is taken.
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

#: From the beginning of a connection or of a further request to the end of its headers, in seconds.
HEADERS = 30.0

#: From the end of an answer to the beginning of the next request, in seconds.
IDLE = 60.0

#: Seconds that a body may take, and an answer that is written, besides those for their size.
GRACE = 30.0

#: Bytes a second at which a body has to come and an answer has to be taken.
RATE = 4096

#: Seconds that the size of an answer gives at most: of a long one, most was taken before its end.
LONGEST = 600.0


class _Phase(Enum):
    """What a connection does."""

    IDLE = "waits for another request"
    HEADERS = "receives a request's headers"
    BODY = "receives a request's body"
    ANSWERING = "has a request, or has become something else"
    CLOSING = "is to be closed once everything is written"


class TimedChannel(FairChannel):
    """An HTTP connection with deadlines. One timer runs at a time, none while it is answering."""

    transport: Any  # while it is this channel's
    connection_limits: ConnectionLimits
    _phase = _Phase.HEADERS
    _timer: IDelayedCall | None = None
    _leave: Callable[[], None] | None = None
    _silent = True  # nothing was received yet
    _answered = False  # before the whole request was there
    _begun = 0.0  # when the body was
    _received = 0  # bytes of the body, chunks' sizes included
    _sent = 0  # bytes of the last answer

    @override
    def connectionMade(self) -> None:
        """A connection was let in; it is answered at once when its address has too many."""
        super().connectionMade()
        self._leave = self.connection_limits.enter(self.transport.getPeer())
        if self._leave is None:
            self._refuse(429, "Too Many Requests", "too_many_connections", _TOO_MANY)
            return
        self.connection_limits.mark_idle(self)
        self._enter(_Phase.HEADERS, HEADERS)

    @override
    def dataReceived(self, data: bytes) -> None:
        """Something was received, of whatever."""
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
        """A request's headers are there; a body follows, be it empty."""
        self._begun, self._received = self.clock.seconds(), 0
        self._enter(_Phase.BODY, GRACE)
        super().allHeadersReceived()

    @override
    def allContentReceived(self) -> None:
        """A request is there, and is answered from now on."""
        self.connection_limits.mark_active(self)
        self._enter(_Phase.ANSWERING, None)
        super().allContentReceived()

    @override
    def writeHeaders(self, *args: Any) -> None:
        """An answer begins."""
        self._answered = True
        super().writeHeaders(*args)

    @override
    def requestDone(self, request: Request) -> None:
        """An answer is written; perhaps the next request is there already."""
        self._sent = request.sentLength or 0
        self._silent, self._answered = True, False
        self.connection_limits.mark_idle(self)
        self._enter(_Phase.IDLE, IDLE + self._to_take)
        super().requestDone(request)

    @override
    def resumeProducing(self) -> None:
        """The client has taken what was written."""
        super().resumeProducing()
        if self._phase is _Phase.IDLE:
            self._enter(_Phase.IDLE, IDLE)

    @override
    def loseConnection(self) -> None:
        """Close when everything is written, for which it has to be taken."""
        self.connection_limits.mark_idle(self)
        self._enter(_Phase.CLOSING, GRACE + self._to_take)
        super().loseConnection()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is over."""
        self._enter(_Phase.CLOSING, None)
        self.hand_over()()
        super().connectionLost(reason)

    def hand_over(self) -> Callable[[], None]:
        """The connection becomes something else: what that is to call once, at its end."""
        self.connection_limits.mark_active(self)
        leave, self._leave = self._leave, None
        return leave or (lambda: None)

    def hang_up(self) -> None:
        """See `IdleConnection.hang_up`."""
        self.transport.abortConnection()

    # --- inside

    @property
    def _to_take(self) -> float:
        """Seconds that the last answer gives its client to take it."""
        return min(self._sent / RATE, LONGEST)

    def _enter(self, phase: _Phase, seconds: float | None) -> None:
        """Go on to a phase that ends after so many seconds, or has no end."""
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
        """The time for a phase is over."""
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
        _log.info("a request from {peer} did not come in time", peer=self.transport.getPeer())
        self._refuse(408, "Request Timeout", "request_timeout", _TOO_SLOW)

    def _refuse(self, status: int, phrase: str, code: str, sentence: str) -> None:
        """Answer what is not, or not yet, a request, and close."""
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
