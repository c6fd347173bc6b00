"""A kernel's access to the network, and its limits.

`Network` is what a deployment allows; each kernel has an `Outlet` of its own, from its start until
it has ended.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectError, TCPTimedOutError
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from typing_extensions import override

from sagecell_tx.hosts.network.allowlist import AllowList, Unreachable
from sagecell_tx.hosts.network.fdpassing import ListenerReceiver, NoListener
from sagecell_tx.hosts.network.forwardproxy import ForwardProxy
from sagecell_tx.hosts.network.resolver import Resolver
from sagecell_tx.limits import NetworkLimits
from sagecell_tx.wire.proxywire import Destination

_log = Logger()

#: Bytes that a connection counts beside its traffic: it has costs, and a line in the log.
CONNECTION = 1000

#: Connections of one kernel that are accepted in a second. More of them wait.
TAKEN = 20

#: Refusals of one kernel that are logged one by one.
REFUSALS = 100


@define(kw_only=True, eq=False)
class Network:
    """The hosts that kernels may reach, and their resolver.

    `is_public` returns whether an address may be connected to.
    """

    reactor: Any
    allowed: AllowList
    limits: NetworkLimits
    resolver: Resolver
    is_public: Callable[[str], bool]

    def outlet(self, directory: Path, whose: Callable[[], str]) -> Outlet:
        """An outlet for the kernel in `directory`; `whose` names it in the log. Raises OSError."""
        return Outlet(network=self, whose=whose, receiver=ListenerReceiver.below(directory))


@define(kw_only=True, eq=False)
class Outlet(Factory):
    """One kernel's access to the network: a proxy on the listener that the kernel has sent."""

    noisy = False

    network: Network
    whose: Callable[[], str]
    _receiver: ListenerReceiver | None
    _port: Any = field(default=None, init=False)
    _left: int = field(init=False)
    _open: set[ForwardProxy] = field(factory=set, init=False)
    _reaching: set[ForwardProxy] = field(factory=set, init=False)
    _lookups: int = field(default=0, init=False)
    _taken: int = field(default=0, init=False)  # connections, in the current second
    _second: Any = field(default=None, init=False)
    _refusals: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._left = self.network.limits.traffic_bytes

    # --- from the kernel's owner

    def take_listener(self) -> None:
        """Answer on the listener that the kernel has sent; raises `NoListener`.

        Call it when the kernel is bound: the receiver is closed, so that no program can send
        another listener. Further calls do nothing.
        """
        receiver, self._receiver = self._receiver, None
        if receiver is None:
            return
        try:
            with receiver.take() as listener:
                self._port = self.network.reactor.adoptStreamPort(
                    listener.fileno(), socket.AF_INET, self
                )
        except OSError as error:
            raise NoListener(f"the listener cannot be used: {error.strerror}") from error
        finally:
            receiver.close()

    def close(self) -> None:
        """Stop listening, and abort all connections. Harmless if repeated."""
        if self._receiver is not None:
            self._receiver.close()
            self._receiver = None
        if self._second is not None:
            self._second.cancel()
            self._second = None
        port, self._port = self._port, None
        if port is not None:
            port.stopListening()
        for connection in list(self._open):
            connection.abort()

    # --- IProtocolFactory

    @override
    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """A proxy for a new connection from the kernel."""
        connection = ForwardProxy(self, self.network.reactor, self.network.limits.idle_seconds)
        self._open.add(connection)
        self._taken += 1
        if self._second is None and self._port is not None:
            self._second = self.network.reactor.callLater(1.0, self._next_second)
        self._throttle()
        return connection

    def _next_second(self) -> None:
        self._second, self._taken = None, 0
        self._throttle()

    def _throttle(self) -> None:
        """Pause accepting at `TAKEN` connections in a second, or twice the limit of open ones."""
        if self._port is not None:
            most = 2 * self.network.limits.connections
            if self._taken >= TAKEN or len(self._open) >= most:
                self._port.pauseProducing()
            else:
                self._port.resumeProducing()

    # --- for its connections

    def connect(self, to: Destination, near: ForwardProxy, far: Protocol) -> Deferred[Protocol]:
        """Connect `far` on behalf of `near`, within `connect_seconds`; fails with `Unreachable`.

        May be cancelled.
        """
        connecting = Deferred.fromCoroutine(self._connect(to, near, far))
        patience = self.network.limits.connect_seconds
        return connecting.addTimeout(
            patience, self.network.reactor, lambda *_: _too_slow(to, patience)
        )

    async def _connect(self, to: Destination, near: ForwardProxy, far: Protocol) -> Protocol:
        limits = self.network.limits
        objection = self.network.allowed.objection(to)
        if objection:
            raise Unreachable(403, objection)
        if len(self._reaching) + self._lookups >= limits.connections:
            most = limits.connections
            raise Unreachable(503, f"A session may have {most} connections at a time.")
        if not self.spend(CONNECTION):
            raise Unreachable(403, f"This session has used up its {limits.traffic_bytes} bytes.")
        try:
            found = await self._look_up(to.host)
        except (OSError, ValueError) as error:
            raise Unreachable(502, f"{to.host} cannot be found: {error}") from error
        public = list(filter(self.network.is_public, found))
        if not public:
            raise Unreachable(403, f"{to.host} has no public address.")
        self._reaching.add(near)
        return await self._reach(to, public, far)

    def _look_up(self, host: str) -> Deferred[list[str]]:
        """Look up a host. The lookup counts until it is over, even if it is cancelled."""

        def over(result: Any) -> Any:
            self._lookups -= 1
            return result

        self._lookups += 1
        waiting: Deferred[list[str]] = Deferred()
        self.network.resolver.addresses(host).addBoth(over).chainDeferred(waiting)
        return waiting

    async def _reach(self, to: Destination, public: Iterable[str], far: Protocol) -> Protocol:
        """Connect to the first address that answers; each has an equal share of the time."""
        addresses = list(public)
        share = self.network.limits.connect_seconds / len(addresses)
        failure: ConnectError = ConnectTimeout()
        for address in addresses:
            kind = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
            endpoint = kind(self.network.reactor, address, to.port, timeout=share)
            try:
                await connectProtocol(endpoint, far)
                return far
            except ConnectError as error:
                failure = error
        if isinstance(failure, ConnectTimeout | TCPTimedOutError):
            raise Unreachable(504, f"{to.host} does not answer.") from failure
        raise Unreachable(502, f"{to.host} cannot be reached: {failure}") from failure

    def spend(self, count: int) -> bool:
        """Subtract bytes from the session's traffic limit; returns False when it is exceeded."""
        self._left -= count
        return self._left >= 0

    def carried(self, to: Destination, *, sent: int, received: int, seconds: float) -> None:
        """Log the traffic of a connection that is over."""
        _log.info(
            "{session}: network: {host}:{port}, {sent} bytes out, {received} in, {seconds:.1f} s",
            session=self.whose(),
            host=to.host,
            port=to.port,
            sent=sent,
            received=received,
            seconds=seconds,
        )

    def refused(self, to: Destination | None, why: str) -> None:
        """Log a refused request, the first `REFUSALS` of them: a program can make any number."""
        self._refusals += 1
        if self._refusals <= REFUSALS:
            where = "a request" if to is None else f"{to.host}:{to.port}"
            _log.warn(
                "{session}: network: {where} refused: {why}",
                session=self.whose(),
                where=where,
                why=why,
            )
        if self._refusals == REFUSALS:
            _log.warn("{session}: network: further refusals are not logged", session=self.whose())

    def ended(self, connection: ForwardProxy) -> None:
        """Both sides of a connection are closed."""
        self._open.discard(connection)
        self._reaching.discard(connection)
        self._throttle()


def _too_slow(to: Destination, patience: float) -> Protocol:
    raise Unreachable(504, f"{to.host} could not be reached within {patience:g} seconds.")
