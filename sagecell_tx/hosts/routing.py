"""The host of all kernels, which chooses by kernelspec where one is started."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from attrs import define
from twisted.internet.defer import Deferred, succeed

from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.sessions.interfaces import (
    HostService,
    HostStatus,
    Kernel,
    KernelObserver,
    MeasuringHost,
    Usage,
)
from sagecell_tx.sessions.spec import KernelSpec


class ForkingHost(HostService, Protocol):
    """A host that also starts kernels of installed kernelspecs."""

    def start_installed(
        self, installed: InstalledSpec, observer: KernelObserver
    ) -> Deferred[Kernel]:
        """As `start`."""


@define(kw_only=True, eq=False)
class KernelHost:
    """A `HostService` with kernels that are forked, and kernels of `installed` kernelspecs.

    Both come from the fork servers of `forked`, with one confinement, and end with them.
    """

    forked: ForkingHost
    installed: Mapping[KernelSpec, InstalledSpec]

    def start(
        self, spec: KernelSpec, observer: KernelObserver, *, ahead: bool = False
    ) -> Deferred[Kernel]:
        """See `sagecell_tx.sessions.interfaces.Host.start`."""
        installed = self.installed.get(spec)
        if installed is None:
            return self.forked.start(spec, observer, ahead=ahead)
        return self.forked.start_installed(installed, observer)

    @property
    def status(self) -> HostStatus:
        """See `sagecell_tx.sessions.interfaces.HostService.status`."""
        return self.forked.status

    def usages(self) -> Deferred[dict[str, Usage]]:
        """See `sagecell_tx.sessions.interfaces.MeasuringHost.usages`."""
        return self.forked.usages() if isinstance(self.forked, MeasuringHost) else succeed({})

    def claim(self) -> None:
        """See `sagecell_tx.sessions.interfaces.HostService.claim`."""
        self.forked.claim()

    def startService(self) -> None:  # noqa: N802
        """Start the fork server; raises `ConfigError`."""
        self.forked.startService()

    def when_up(self) -> Deferred[None]:
        """Fires when kernels can be started, of whatever kind."""
        return self.forked.when_up()

    def hurry(self) -> None:
        """See `sagecell_tx.sessions.interfaces.HostService.hurry`."""
        self.forked.hurry()

    def stopService(self) -> Deferred[None]:  # noqa: N802
        """End the fork server and all kernels; fires when they are gone."""
        return self.forked.stopService()
