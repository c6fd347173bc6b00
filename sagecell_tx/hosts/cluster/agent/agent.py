"""The agent of a machine: takes connections of web processes, and starts kernels for them."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import Factory
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from typing_extensions import override

from sagecell_tx import __version__
from sagecell_tx.hosts.cluster.agent.connection import AgentConnection
from sagecell_tx.hosts.cluster.agent.tenant import Tenant
from sagecell_tx.hosts.cluster.connections.identity import Identity, PinnedTls
from sagecell_tx.hosts.cluster.connections.line import speaks_ours
from sagecell_tx.hosts.cluster.connections.tls import TlsFactory
from sagecell_tx.hosts.cluster.facts import PROTOCOL, Facts
from sagecell_tx.hosts.forked.launcher import ForkLauncher
from sagecell_tx.hosts.forked.usage import usages_of
from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.sessions.interfaces import Usage
from sagecell_tx.sessions.waiters import OneShot
from sagecell_tx.wire.messages import WireError

_log = Logger()

#: Connections that have not said yet what they are. For another one, the oldest is closed: anybody may connect
#: and say nothing, and a web process says what it is within milliseconds.
MOST_UNKNOWN = 128

#: Lines of web processes at a time, also of those that are gone but have kernels left. More are refused.
MOST_TENANTS = 64

#: Seconds between two lines of the log about strangers.
OFTEN = 60.0

#: The name of the file with this agent's facts.
FACTS = "facts.json"


@define(kw_only=True, eq=False)
class Agent(Factory, Service):
    """Runs kernels of `launcher` for the web processes whose certificates are in `webs`.

    It listens on `interface` and `port`; others reach it at `address`. `capacity` is how many
    kernels this machine takes, of all web processes together. What they use is measured in `threads`.
    `new_session` makes a secret. The facts are written into the directory `facts`, if there is one, readable by this account alone.
    """

    noisy = False

    reactor: Any
    threads: Any  # a ThreadPool
    launcher: ForkLauncher
    identity: Identity
    webs: tuple[str, ...]
    machine: str
    interface: str
    port: int
    address: str
    capacity: int
    specs: Mapping[str, InstalledSpec]
    new_session: Callable[[], str]
    facts: Path | None = None
    _tls: PinnedTls = field(init=False)
    _listening: Any = field(default=None, init=False)
    _tenants: dict[str, Tenant] = field(factory=dict, init=False)  # by session
    _unknown: dict[AgentConnection, None] = field(factory=dict, init=False)  # the oldest first
    _connections: set[AgentConnection] = field(factory=set, init=False)
    _count: int = field(default=0, init=False)  # of tenants so far
    _strangers: int = field(default=0, init=False)
    _strangers_logged: float | None = field(default=None, init=False)
    _emptied: OneShot[None] = field(factory=OneShot, init=False)

    def __attrs_post_init__(self) -> None:
        self._tls = PinnedTls(self.identity, self.webs)

    @property
    def live(self) -> int:
        """The kernels here, of all web processes."""
        return sum(len(tenant.kernels) for tenant in self._tenants.values())

    # --- the service

    @override
    def startService(self) -> None:
        """Start the fork server, listen, and write the facts.

        Raises `ConfigError`, `CannotListenError`, and OSError if the facts cannot be written.
        """
        super().startService()
        # First: an address that cannot be had must not leave a fork server behind.
        self._listening = self.reactor.listenTCP(
            self.port, self.secured(), backlog=256, interface=self.interface
        )
        self.launcher.startService()
        facts = Facts(
            name=self.machine,
            host=self.address,
            port=self._listening.getHost().port,
            fingerprint=self.identity.fingerprint,
            protocol=PROTOCOL,
            version=__version__,
        )
        _log.info(
            "listening for web processes on {host}:{port}; this agent's certificate is {fingerprint}",
            host=facts.host,
            port=facts.port,
            fingerprint=facts.fingerprint,
        )
        if self.facts is not None:
            self.facts.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write(self.facts / FACTS, facts.dump())

    def secured(self) -> TlsFactory:
        """The factory behind TLS."""
        return TlsFactory(self._tls, is_client=False, factory=self, clock=self.reactor)

    @override
    def stopService(self) -> Deferred[None]:
        """End all kernels; fires when they and their directories are gone."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self.facts is not None:
            (self.facts / FACTS).unlink(missing_ok=True)
        if self._listening is not None:
            await maybeDeferred(self._listening.stopListening)
        self.launcher.hurry()
        for connection in list(self._connections):
            connection.abort()
        if self.live:
            await self._emptied.when_fired()
        await self.launcher.stopService()

    # --- IProtocolFactory

    @override
    def buildProtocol(self, addr: IAddress | None) -> AgentConnection:
        """A new connection."""
        while len(self._unknown) >= MOST_UNKNOWN:
            oldest = next(iter(self._unknown))
            del self._unknown[oldest]
            oldest.abort()
        connection = AgentConnection(self)
        self._unknown[connection] = None
        self._connections.add(connection)
        return connection

    # --- ConnectionOwner

    def seconds_later(self, seconds: float, call: Any) -> IDelayedCall:
        """See `ConnectionOwner.seconds_later`."""
        later: IDelayedCall = self.reactor.callLater(seconds, call)
        return later

    def is_known(self, tls: Any) -> bool:
        """See `ConnectionOwner.is_known`."""
        return self._tls.is_pinned(tls)

    def greeted(self, connection: AgentConnection, hello: dict[str, Any]) -> Tenant:
        """See `ConnectionOwner.greeted`."""
        if not speaks_ours(hello):
            connection.refuse(protocol=PROTOCOL, version=__version__)
            raise WireError(
                "wrong_protocol",
                f"It speaks version {str(hello.get('protocol'))[:20]} of the protocol, this agent "
                f"version {PROTOCOL}.",
            )
        if len(self._tenants) >= MOST_TENANTS:
            raise WireError("too_many_lines", f"There are {MOST_TENANTS} web processes already.")
        self._count += 1
        tenant = Tenant(
            clock=self.reactor,
            name=f"web-{self._count}",
            session=self.new_session(),
            line=connection,
            launcher=self.launcher,
            specs=self.specs,
            capacity=self.capacity,
            machine=self.machine,
            has_room=lambda: self.live < self.capacity,
            live=lambda: self.live,
            measure=self._measure,
            on_ended=self._kernel_ended,
        )
        self._tenants[tenant.session] = tenant
        _log.info("{tenant}: a web process has come", tenant=tenant.name)
        return tenant

    def tenant_of(self, session: object) -> Tenant:
        """See `ConnectionOwner.tenant_of`."""
        for known, tenant in self._tenants.items():
            if isinstance(session, str) and hmac.compare_digest(
                known.encode(), session.encode("utf-8", "replace")
            ):
                return tenant
        raise WireError("unknown_session", "No web process has this session.")

    def identified(self, connection: AgentConnection) -> None:
        """See `ConnectionOwner.identified`."""
        self._unknown.pop(connection, None)

    def closed(self, connection: AgentConnection) -> None:
        """See `ConnectionOwner.closed`."""
        self._connections.discard(connection)
        self._forget()

    def stranger_gone(self, why: str) -> None:
        """See `ConnectionOwner.stranger_gone`. Logged now and then: anybody may connect."""
        self._strangers += 1
        if (
            self._strangers_logged is None
            or self.reactor.seconds() >= self._strangers_logged + OFTEN
        ):
            self._strangers_logged = self.reactor.seconds()
            _log.warn(
                "{count} connections so far were not those of known web processes; the last: {why}",
                count=self._strangers,
                why=why[:500],
            )

    def _measure(self) -> Deferred[dict[str, Usage]]:
        """Fires with what the kernels here use, by their names in the log."""
        return deferToThreadPool(self.reactor, self.threads, usages_of, self.launcher.pids)

    def _kernel_ended(self) -> None:
        self._forget()

    def _forget(self) -> None:
        """Forget web processes that are gone and have no kernels any more."""
        for session, tenant in list(self._tenants.items()):
            if tenant.is_over:
                del self._tenants[session]
        if not self.running and not self.live:
            self._emptied.fire(None)


def _write(path: Path, data: bytes) -> None:
    """Write a file that only this account can read, whole or not at all."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
    os.replace(new, path)
