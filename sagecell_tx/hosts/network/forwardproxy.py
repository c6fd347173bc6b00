"""A forward proxy: one request of a kernel's, and the connection that it asks for.

Each side is the other's producer, so that whichever is slow slows the other.
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
    """What one kernel may reach of the network, as its connections ask for it."""

    def connect(self, to: Destination, near: ForwardProxy, far: Protocol) -> Deferred[Protocol]:
        """Connect `far` on behalf of `near`; fails with `Unreachable`. May be cancelled."""

    def spend(self, count: int) -> bool:
        """Take bytes from what the kernel may have; False when that is not enough."""

    def carried(self, to: Destination, *, sent: int, received: int, seconds: float) -> None:
        """A connection is over that has carried so many bytes each way."""

    def refused(self, to: Destination | None, why: str) -> None:
        """A request was refused; without a destination it was not understood."""

    def ended(self, connection: ForwardProxy) -> None:
        """Both sides of a connection are gone."""


class ForwardProxy(Protocol, TimeoutMixin):
    """The kernel's side of it. It lasts until both sides are gone.

    `idle` is how long nothing may happen, in seconds, the request's head included.
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
        """The kernel has connected."""
        self.setTimeout(self._idle)

    @override
    def dataReceived(self, data: bytes) -> None:
        """Bytes of the kernel's."""
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
            # What comes next can wait until there is somebody to pass it to.
            self.transport.pauseProducing()
            self.setTimeout(None)
            self._began = self._clock.seconds()
            self._connecting = self._egress.connect(self._request.destination, self, _Far(self))
            self._connecting.addCallbacks(self._connected, self._not_connected)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The kernel has hung up, or was."""
        self._gone = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._far is not None:
            self._far.hang_up()
        self._end_if_over()

    # --- TimeoutMixin

    @override
    def callLater(self, period: float, func: Any) -> IDelayedCall:
        """A timer on the clock that was handed in."""
        return self._clock.callLater(period, func)

    @override
    def timeoutConnection(self) -> None:
        """Nothing has happened for too long."""
        self.abort()

    # --- from its egress

    def abort(self) -> None:
        """Let both sides go at once."""
        self.transport.abortConnection()
        if self._far is not None:
            self._far.transport.abortConnection()

    # --- the way there

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
            _log.failure("connecting for a kernel", failure)
            self._refuse(502, "The connection failed.")

    def _refuse(self, status: int, sentence: str) -> None:
        self._egress.refused(self._request.destination, sentence)
        self._refused = True
        if self._far is not None:
            # Part of the answer may be on its way, and none can follow it.
            self.abort()
            return
        if self._connecting is not None:
            self._connecting.cancel()
        self.setTimeout(self._idle)
        self.transport.write(refusal(status, sentence))
        self.transport.loseConnection()

    # --- both ways

    def _send(self, data: bytes) -> None:
        assert self._far is not None
        if data and self._may_carry(len(data)):
            self._sent += len(data)
            self._far.transport.write(data)

    def received(self, data: bytes) -> None:
        """Bytes from the other side."""
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
        """The other side is gone."""
        if not self._gone:
            # With a producer, it would wait for more of it.
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
    """The side that the kernel asked for."""

    transport: Any
    gone = False

    def __init__(self, near: ForwardProxy) -> None:
        self._near = near

    @override
    def dataReceived(self, data: bytes) -> None:
        """Bytes for the kernel."""
        self._near.received(data)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is over."""
        self.gone = True
        self._near.far_lost()

    def hang_up(self) -> None:
        """Close when what is still to be sent has left."""
        if not self.gone:
            self.transport.unregisterProducer()
            self.transport.loseConnection()
