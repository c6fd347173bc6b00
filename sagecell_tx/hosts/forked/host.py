"""The host of this machine's kernels, whose processes a `ForkLauncher` starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import define, evolve, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from typing_extensions import override

from sagecell_tx.hosts.channels.zmqsocket import ZmqSocketFactory
from sagecell_tx.hosts.forked.launcher import ForkLauncher
from sagecell_tx.hosts.forked.protocol import kernel_limits
from sagecell_tx.hosts.forked.usage import usages_of
from sagecell_tx.hosts.kernels.installed import InstalledKernel
from sagecell_tx.hosts.kernels.kernel import ConnectedKernel, KernelResources
from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.limits import Limits
from sagecell_tx.sessions.interfaces import HostStatus, Kernel, KernelObserver, Usage
from sagecell_tx.sessions.spec import KernelSpec
from sagecell_tx.wire.messages import Message


@define(kw_only=True, eq=False)
class ForkHost(Service):
    """The kernels of `launcher`, to which this process connects.

    All kernels that stay forked have the kernel spec `spec`; the others become the programs of
    installed kernelspecs, whose own messages `originate` makes; see `InstalledKernel`. `new_key`
    makes a kernel's signing key. Large messages are checked in `threads`. `rejected` counts the
    dropped messages by code.
    """

    reactor: Any
    threads: Any  # a ThreadPool
    zmq: ZmqSocketFactory
    launcher: ForkLauncher
    limits: Limits
    spec: KernelSpec
    new_key: Callable[[], str]
    originate: Callable[[str, str, dict[str, Any]], Message]
    rejected: Counter[str] = field(factory=Counter, init=False)
    _resources: KernelResources = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._resources = KernelResources(
            reactor=self.reactor,
            threads=self.threads,
            zmq=self.zmq,
            relays=self.launcher.directories.relays,
            limits=self.limits,
            rejected=self.rejected,
        )

    # --- Host

    def start(
        self, spec: KernelSpec, observer: KernelObserver, *, ahead: bool = False
    ) -> Deferred[Kernel]:
        """See `sagecell_tx.sessions.interfaces.Host.start`."""
        if spec != self.spec:
            raise ValueError(f"This host starts kernels of {self.spec.name}, not of {spec.name}.")
        return self._begin(ConnectedKernel, observer, ahead=ahead)

    def start_installed(
        self, installed: InstalledSpec, observer: KernelObserver
    ) -> Deferred[Kernel]:
        """As `start`, a kernel of an installed kernelspec."""
        connect = partial(InstalledKernel, installed=installed, originate=self.originate)
        return self._begin(connect, observer, installed=installed)

    def _begin(
        self,
        connect: Callable[..., ConnectedKernel],
        observer: KernelObserver,
        *,
        ahead: bool = False,
        installed: InstalledSpec | None = None,
    ) -> Deferred[Kernel]:
        key = self.new_key().encode("ascii")
        process = self.launcher.make(
            key=key, limits=kernel_limits(self.limits), ahead=ahead, installed=installed
        )
        kernel = connect(process=process, key=key, observer=observer, resources=self._resources)
        return kernel.begin()

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
