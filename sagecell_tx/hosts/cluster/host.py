"""The host of kernels on other machines, each of which has an agent."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

import attrs
from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger
from typing_extensions import override

from sagecell_tx.hosts.cluster.connections.identity import Identity, PinnedTls
from sagecell_tx.hosts.cluster.connections.tls import TlsFactory
from sagecell_tx.hosts.cluster.facts import PROTOCOL, Facts, Machines
from sagecell_tx.hosts.cluster.machine import Machine
from sagecell_tx.hosts.cluster.names import MachineNames, NamingReactor
from sagecell_tx.hosts.cluster.placement import choose, weakest
from sagecell_tx.hosts.cluster.process import RemoteProcess
from sagecell_tx.hosts.cluster.reports import MachineStatus
from sagecell_tx.hosts.cluster.streams import Connect
from sagecell_tx.hosts.directories.workdir import WorkDirs
from sagecell_tx.hosts.forked.protocol import kernel_limits
from sagecell_tx.hosts.kernels.host import ConnectingHost
from sagecell_tx.hosts.kernels.kernel import NOWHERE
from sagecell_tx.hosts.kernels.processes import KernelProcess
from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.hosts.network.resolver import Resolver
from sagecell_tx.sessions.interfaces import (
    HostStatus,
    KernelMachine,
    Usage,
)
from sagecell_tx.sessions.waiters import OneShot

_log = Logger()

#: Seconds within which a machine has to take a connection.
PATIENCE = 3.0

_FULL = "all machines are in use"
_NOWHERE = "no machine that is connected has the kernelspec {!r}"


@define(kw_only=True, eq=False)
class ClusterHost(ConnectingHost):
    """Kernels on `machines`, which come and go; implements `HostService`.

    `required` is the level of confinement that the settings ask for: a machine with a weaker one gets
    no kernels. `max_kernels` gives how many one machine gets at most, by its name. `connect` makes
    what connects to an agent, and looks names up with `resolver`. `directories` are for the relays'
    sockets alone. `new_token` makes 32 hexadecimal digits that nobody can guess. `hub`, if there is
    one, adds further machines to `machines` while this host runs.
    """

    directories: WorkDirs
    machines: Machines
    connect: Callable[[Facts], Connect]
    resolver: Resolver
    required: str
    max_kernels: Callable[[str], int]
    new_token: Callable[[], str]
    hub: Service | None = None
    on_places: Callable[[int], None] = lambda _: None
    _numbers: count[int] = field(factory=lambda: count(1), init=False)
    _known: dict[str, Machine] = field(factory=dict, init=False)  # by name
    _waiting: list[RemoteProcess] = field(factory=list, init=False)  # for a machine
    _up: OneShot[None] = field(factory=OneShot, init=False)
    _places: int = field(default=-1, init=False)  # that were told last

    # --- ConnectingHost

    @property
    @override
    def relays(self) -> Path:
        """The directory of the relays' sockets."""
        return self.directories.relays

    @override
    def make_process(
        self, key: str, *, ahead: bool, installed: InstalledSpec | None
    ) -> KernelProcess:
        """See `ConnectingHost.make_process`."""
        spec = "" if installed is None else installed.kind.name
        return RemoteProcess(
            number=next(self._numbers),
            start={
                "key": key,
                "limits": attrs.asdict(kernel_limits(self.limits)),
                "ahead": ahead,
                "spec": spec,
            },
            spec=spec,
            placer=self,
            new_token=self.new_token,
        )

    # --- ManyMachines

    def seen_machines(self) -> list[KernelMachine]:
        """See `sagecell_tx.sessions.interfaces.ManyMachines.seen_machines`."""
        return [each.seen for each in self._known.values()]

    # --- MeasuringHost

    def usages(self) -> Deferred[dict[str, Usage]]:
        """See `sagecell_tx.sessions.interfaces.MeasuringHost.usages`: each machine tells of its own kernels."""
        told = gatherResults([each.usages() for each in self._known.values()])
        return told.addCallback(lambda usages: dict(ChainMap(*usages)))

    # --- Placer

    def place(self, process: RemoteProcess) -> None:
        """See `Placer.place`."""
        running = self._running()
        if not running:
            self._waiting.append(process)
            return
        fitting = [each for each in running if each.has_spec(process.spec)]
        if not fitting:
            process.give_up(_NOWHERE.format(process.spec), NOWHERE)
            return
        untried = [each for each in fitting if each.name not in process.tried]
        name = choose(each.candidate(process.spec) for each in untried)
        if name is None:
            process.give_up(_FULL)
        else:
            self._known[name].start(process)

    def withdraw(self, process: RemoteProcess) -> None:
        """See `Placer.withdraw`."""
        if process in self._waiting:
            self._waiting.remove(process)

    # --- MachinesObserver

    def machine_joined(self, facts: Facts) -> None:
        """See `MachinesObserver.machine_joined`."""
        if facts.protocol != PROTOCOL:
            _log.error(
                "machine {machine}: it speaks version {theirs} of the protocol, and this server "
                "version {ours}; install the same sagecell-tx on both",
                machine=facts.name,
                theirs=facts.protocol,
                ours=PROTOCOL,
            )
            return
        machine = self._known.get(facts.name)
        if machine is None:
            machine = self._known[facts.name] = Machine(
                facts=facts,
                clock=self.reactor,
                required=self.required,
                max_kernels=self.max_kernels(facts.name),
                connect_to=self.connect,
                on_change=self._changed,
                on_gone=self._forget,
            )
        machine.known(facts)

    def machine_left(self, name: str) -> None:
        """See `MachinesObserver.machine_left`."""
        if name in self._known:
            self._known[name].unknown()

    def _forget(self, machine: Machine) -> None:
        if self._known.get(machine.name) is machine:
            del self._known[machine.name]

    # --- HostService

    @property
    def places(self) -> int:
        """How many kernels all machines together take from this web process."""
        return sum(each.candidate().places for each in self._running())

    @property
    def status(self) -> HostStatus:
        """See `HostService.status`: the weakest of all, and what all have in common."""
        running = [each.status for each in self._running()]
        return HostStatus(
            sandbox=weakest(each.sandbox for each in running) if running else self.required,
            environment=_common_word(each.environment for each in running),
            languages=_in_all(each.languages for each in running),
            versions=_common_versions(running),
            starting=not running,
            features=_in_all(each.features for each in running),
            unbounded=tuple(sorted({kind for each in running for kind in each.unbounded})),
            rejected=dict(self.rejected),
        )

    def when_up(self) -> Deferred[None]:
        """Fires when a machine can start kernels."""
        return self._up.when_fired()

    def claim(self) -> None:
        """See `HostService.claim`: the directory of the relays' sockets."""
        if not self.directories.taken:
            for left in self.directories.open():
                _log.warn("{path}: left by a host of this machine's kernels", path=str(left))

    @override
    def startService(self) -> None:
        """Begin to connect to all machines that are known, and to those that become known."""
        super().startService()
        self.claim()
        self.resolver.start()
        self.machines.observe(self)
        if self.hub is not None:
            self.hub.startService()

    def hurry(self) -> None:
        """See `HostService.hurry`. The agents remove directories by themselves."""
        for machine in self._known.values():
            machine.hurry()

    @override
    def stopService(self) -> Deferred[None]:
        """Close all lines: the agents end the kernels that are left."""
        super().stopService()
        if self.hub is not None:
            self.hub.stopService()
        for machine in list(self._known.values()):
            machine.stop()
        while self._waiting:
            self._waiting.pop().give_up("the server stops")
        self.zmq.shutdown()
        self.resolver.stop()
        self.directories.close()
        return succeed(None)

    def _running(self) -> list[Machine]:
        return [each for each in self._known.values() if each.is_up]

    def _changed(self) -> None:
        """A machine can start more or fewer kernels than before."""
        running = self._running()
        if not running and self._up.fired:
            self._up = OneShot()
        places = self.places
        if places != self._places:
            self._places = places
            self.on_places(places)
        if running:
            waiting, self._waiting = self._waiting, []
            for process in waiting:
                self.place(process)
            self._up.fire(None)


def tls_connector(
    reactor: Any, identity: Identity, resolver: Resolver
) -> Callable[[Facts], Connect]:
    """Makes what connects to an agent, with TLS, as `identity`; see `Connect`.

    `resolver` looks up the names of machines that are not addresses.
    """
    naming = NamingReactor(reactor, MachineNames(clock=reactor, resolver=resolver))

    def connect_to(facts: Facts) -> Connect:
        tls = PinnedTls(identity, [facts.fingerprint])

        def connect(factory: IProtocolFactory) -> Deferred[Any]:
            endpoint = HostnameEndpoint(naming, facts.host, facts.port, timeout=PATIENCE)
            secured = TlsFactory(tls, is_client=True, factory=factory, clock=reactor)
            return endpoint.connect(secured)

        return connect

    return connect_to


def _common_word(words: Iterable[str]) -> str:
    """The word that all are; the first in the alphabet if they differ."""
    return min(words, default="")


def _in_all(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """What all lists have, in the order of the first."""
    first, *others = [*lists] or [()]
    return tuple(word for word in first if all(word in other for other in others))


def _common_versions(running: Iterable[MachineStatus]) -> dict[str, str]:
    """The versions that all machines have."""
    first, *others = [dict(each.versions) for each in running] or [{}]
    return {
        name: version
        for name, version in first.items()
        if all(other.get(name) == version for other in others)
    }
