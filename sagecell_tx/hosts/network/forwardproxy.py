"""A forward proxy: one request from a kernel, and the connection that it asks for.

Each side is registered as the other's producer, so that a slow side slows down the other.
"""

from __future__ import annotations

import typing
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.protocols.policies import TimeoutMixin
from twisted.python.failure import Failure
from typing_extensions import override

from sagecell_tx.hosts.network.allowlist import Unreachable
from sagecell_tx.wire.messages import WireError
from sagecell_tx.wire.proxywire import CONNECTED, Destination, ProxyRequest, refusal

_log = Logger()


class Egress(typing.Protocol):
    """One kernel's access to the network, as its `ForwardProxy` connections use it."""

    def connect(self, to: Destination, near: ForwardProxy, far: Protocol) -> Deferred[Protocol]:
        """Connect `far` on behalf of `near`; fails with `Unreachable`. May be cancelled."""

    def spend(self, count: int) -> bool:
        """Subtract bytes from the kernel's traffic limit; returns False when it is exceeded."""

    def carried(self, to: Destination, *, sent: int, received: int, seconds: float) -> None:
        """A connection is over; it carried so many bytes each way in so many seconds."""

    def refused(self, to: Destination | None, why: str) -> None:
        """A request was refused; `to` is None if it was malformed."""

    def ended(self, connection: ForwardProxy) -> None:
        """Both sides of a connection are closed."""


class ForwardProxy(Protocol, TimeoutMixin):
    """The kernel's side of a connection, which lasts until both sides are closed.

    `idle` is the timeout in seconds for a connection without traffic, and for the request's head.
    """

    transport: Any

    def __init__(self, egress: Egress, clock: IReactorTime, idle: float) -> None:
        self._egress = egress
        self._clock = clock
        self._idle = idle
        self._request = ProxyRequest()
        self._unsent = b""
        self._connecting: Deferred[Any] | None = None
        self._far: _Far | None = None
        self._gone = False
        self._refused = False
        self._began = 0.0
        self._sent = self._received = 0

    # --- IProtocol

    @override
    def connectionMade(self) -> None:
        """The kernel has connected: wait for a request."""
        self.setTimeout(self._idle)

    @override
    def dataReceived(self, data: bytes) -> None:
        """Read the request; pass on what follows it."""
        if self._refused or self._gone:
            return
        try:
            onward = self._request.receive(data)
        except WireError as error:
            self._refuse(400, error.message)
            return
        if self._far is not None:
            self._send(onward)
            return
        self._unsent += onward
        if self._connecting is None and self._request.destination is not None:
            # Read no further until it can be passed on.
            self.transport.pauseProducing()
            self.setTimeout(None)
            self._began = self._clock.seconds()
            self._connecting = self._egress.connect(self._request.destination, self, _Far(self))
            self._connecting.addCallbacks(self._connected, self._not_connected)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The kernel's side is closed: close the other side, or cancel its connection."""
        self._gone = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._far is not None:
            self._far.hang_up()
        self._end_if_over()

    # --- TimeoutMixin

    @override
    def callLater(self, period: float, func: Any) -> IDelayedCall:
        """Schedule a timeout on the given clock."""
        return self._clock.callLater(period, func)

    @override
    def timeoutConnection(self) -> None:
        """Abort a connection that was idle for too long."""
        self.abort()

    # --- from its egress

    def abort(self) -> None:
        """Close both sides at once, with unwritten data lost."""
        self.transport.abortConnection()
        if self._far is not None:
            self._far.transport.abortConnection()

    # --- connecting

    def _connected(self, far: _Far) -> None:
        self._far = far
        self.setTimeout(self._idle)
        self.transport.resumeProducing()
        far.transport.registerProducer(self.transport, True)
        self.transport.registerProducer(far.transport, True)
        if self._request.tunnel:
            self.transport.write(CONNECTED)
        unsent, self._unsent = self._unsent, b""
        self._send(unsent)

    def _not_connected(self, failure: Failure) -> None:
        if self._gone or self._refused:
            return
        if isinstance(failure.value, Unreachable):
            self._refuse(failure.value.status, failure.value.sentence)
        else:
            _log.failure("connecting for a kernel failed", failure)
            self._refuse(502, "The connection failed.")

    def _refuse(self, status: int, sentence: str) -> None:
        self._egress.refused(self._request.destination, sentence)
        self._refused = True
        if self._far is not None:
            # Part of the far side's answer may be sent, so no refusal can be.
            self.abort()
            return
        if self._connecting is not None:
            self._connecting.cancel()
        self.setTimeout(self._idle)
        self.transport.write(refusal(status, sentence))
        self.transport.loseConnection()

    # --- traffic in both directions

    def _send(self, data: bytes) -> None:
        assert self._far is not None
        if data and self._may_carry(len(data)):
            self._sent += len(data)
            self._far.transport.write(data)

    def received(self, data: bytes) -> None:
        """Pass on data from the far side."""
        if self._may_carry(len(data)):
            self._received += len(data)
            self.transport.write(data)

    def _may_carry(self, count: int) -> bool:
        self.resetTimeout()
        if self._egress.spend(count):
            return True
        if not self._refused:
            self._refused = True
            self._egress.refused(self._request.destination, "the session has used up its bytes")
        self.abort()
        return False

    # --- the end

    def far_lost(self) -> None:
        """The far side is closed: close the kernel's side when all data is written."""
        if not self._gone:
            # With a producer registered, loseConnection would wait for it.
            self.transport.unregisterProducer()
            self.transport.loseConnection()
        self._end_if_over()

    def _end_if_over(self) -> None:
        if not self._gone or (self._far is not None and not self._far.gone):
            return
        self.setTimeout(None)
        destination = self._request.destination
        if self._far is not None and destination is not None:
            self._egress.carried(
                destination,
                sent=self._sent,
                received=self._received,
                seconds=self._clock.seconds() - self._began,
            )
        self._egress.ended(self)


class _Far(Protocol):
    """The far side of a connection: the one to the destination."""

    transport: Any
    gone = False

    def __init__(self, near: ForwardProxy) -> None:
        self._near = near

    @override
    def dataReceived(self, data: bytes) -> None:
        """Pass data on to the kernel."""
        self._near.received(data)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Report to the kernel's side that this one is closed."""
        self.gone = True
        self._near.far_lost()

    def hang_up(self) -> None:
        """Close when all data is written."""
        if not self.gone:
            self.transport.unregisterProducer()
            self.transport.loseConnection()
