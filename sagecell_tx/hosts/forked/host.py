"""The host of this machine's kernels, whose processes a `ForkLauncher` starts."""

from __future__ import annotations

from pathlib import Path

from attrs import define, evolve
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from typing_extensions import override

from sagecell_tx.hosts.forked.launcher import ForkLauncher
from sagecell_tx.hosts.forked.protocol import kernel_limits
from sagecell_tx.hosts.forked.usage import usages_of
from sagecell_tx.hosts.kernels.host import ConnectingHost
from sagecell_tx.hosts.kernels.processes import KernelProcess
from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.sessions.interfaces import HostStatus, Usage


@define(kw_only=True, eq=False)
class ForkHost(ConnectingHost):
    """The kernels of `launcher`, to which this process connects; implements `HostService`."""

    launcher: ForkLauncher

    # --- ConnectingHost

    @property
    @override
    def relays(self) -> Path:
        """The directory of the relays' sockets."""
        return self.launcher.directories.relays

    @override
    def make_process(
        self, key: str, *, ahead: bool, installed: InstalledSpec | None
    ) -> KernelProcess:
        """See `ConnectingHost.make_process`."""
        return self.launcher.make(
            key=key.encode("ascii"),
            limits=kernel_limits(self.limits),
            ahead=ahead,
            installed=installed,
        )

    # --- MeasuringHost

    def usages(self) -> Deferred[dict[str, Usage]]:
        """See `sagecell_tx.sessions.interfaces.MeasuringHost.usages`."""
        return deferToThreadPool(self.reactor, self.threads, usages_of, self.launcher.pids)

    # --- HostService

    @property
    def status(self) -> HostStatus:
        """See `sagecell_tx.sessions.interfaces.HostService.status`."""
        return evolve(self.launcher.status, rejected=dict(self.rejected))

    def when_up(self) -> Deferred[None]:
        """Fires when a fork server is ready; after its loss, when the next one is."""
        return self.launcher.when_up()

    def claim(self) -> None:
        """See `ForkLauncher.claim`."""
        self.launcher.claim()

    @override
    def startService(self) -> None:
        """Choose the sandbox, which blocks, and start the fork server; raises `ConfigError`."""
        super().startService()
        self.launcher.startService()

    def hurry(self) -> None:
        """See `Removals.hurry`: the server is stopping."""
        self.launcher.hurry()

    @override
    def stopService(self) -> Deferred[None]:
        """End the fork servers and their kernels; fires when they are gone and all is closed."""
        super().stopService()
        return self.launcher.stopService().addCallback(lambda _: self.zmq.shutdown())
