"""Looks up the names of machines, in threads that nothing else uses.

A lookup may take half a minute, and each machine that is not reached is looked up again every few seconds. Among the
reactor's threads, a few names that nobody answers for would keep the whole server waiting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import define, field, frozen
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import DeferredSemaphore
from twisted.internet.interfaces import (
    IHostnameResolver,
    IHostResolution,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
)
from zope.interface import implementer

from sagecell_tx.hosts.cluster.facts import MOST_MACHINES
from sagecell_tx.hosts.network.resolver import THREADS, Resolver

#: Seconds for which addresses are used without looking again. Older ones are used while it is looked again.
FRESH = 10.0

#: Connections that wait for the first addresses of one name. Those after them find none.
MOST_WAITING = 16


@implementer(IHostResolution)
@frozen
class _Resolution:
    """A lookup that has begun."""

    name: str

    def cancel(self) -> None:
        """A lookup goes on: others may wait for it."""


@define
class _Name:
    """What is known of a name, and who waits for its first addresses, each with a port."""

    addresses: tuple[str, ...] = ()
    found_at: float = 0.0
    waiting: list[tuple[Any, int]] = field(factory=list)
    is_sought: bool = False


@implementer(IHostnameResolver)
@define(kw_only=True, eq=False)
class MachineNames:
    """Looks each name up once at a time, with `resolver`; remembers the addresses.

    `resolver` gets no more names at a time than it has threads, as it ends only when it has looked up all.
    """

    clock: Any
    resolver: Resolver
    _places: DeferredSemaphore = field(factory=lambda: DeferredSemaphore(THREADS), init=False)
    _known: dict[str, _Name] = field(factory=dict, init=False)

    def resolveHostName(  # noqa: N802 - Twisted's name
        self,
        resolutionReceiver: Any,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Any = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> IHostResolution:
        """See `IHostnameResolver`."""
        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        if isIPAddress(hostName) or isIPv6Address(hostName):
            _tell(resolutionReceiver, portNumber, (hostName,))
            return resolution
        if len(self._known) > 2 * MOST_MACHINES:  # machines have come and gone
            self._known = {host: each for host, each in self._known.items() if each.is_sought}
        name = self._known.setdefault(hostName, _Name())
        if name.addresses:
            _tell(resolutionReceiver, portNumber, name.addresses)
        elif len(name.waiting) < MOST_WAITING:
            name.waiting.append((resolutionReceiver, portNumber))
        else:
            _tell(resolutionReceiver, portNumber, ())
        is_fresh = name.addresses and self.clock.seconds() < name.found_at + FRESH
        if not name.is_sought and not is_fresh:
            name.is_sought = True
            seeking = self._places.run(self.resolver.addresses, hostName)
            seeking.addErrback(lambda _: [])  # an unknown name, or no answer
            seeking.addCallback(lambda addresses: self._found(name, addresses))
        return resolution

    def _found(self, name: _Name, addresses: Sequence[str]) -> None:
        name.is_sought = False
        if addresses:
            name.addresses, name.found_at = tuple(addresses), self.clock.seconds()
        waiting, name.waiting = name.waiting, []
        for receiver, port in waiting:
            _tell(receiver, port, addresses)


def _tell(receiver: IResolutionReceiver, port: int, addresses: Sequence[str]) -> None:
    for address in addresses:
        kind = IPv6Address if ":" in address else IPv4Address
        receiver.addressResolved(kind("TCP", address, port))
    receiver.resolutionComplete()


@implementer(IReactorPluggableNameResolver)
class NamingReactor:
    """The reactor, with `names` as its resolver, for endpoints."""

    def __init__(self, reactor: Any, names: MachineNames) -> None:
        self._reactor = reactor
        self.nameResolver = names

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)
