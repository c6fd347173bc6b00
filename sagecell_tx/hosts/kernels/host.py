"""What hosts have in common that connect to their kernels, wherever the processes are."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred

from sagecell_tx.hosts.channels.zmqsocket import ZmqSocketFactory
from sagecell_tx.hosts.kernels.installed import InstalledKernel
from sagecell_tx.hosts.kernels.kernel import ConnectedKernel, KernelResources
from sagecell_tx.hosts.kernels.processes import KernelProcess
from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.limits import Limits
from sagecell_tx.sessions.interfaces import Kernel, KernelObserver
from sagecell_tx.sessions.spec import KernelSpec
from sagecell_tx.wire.messages import Message


@define(kw_only=True, eq=False)
class ConnectingHost(Service):
    """Kernels to which this process connects.

    All kernels that stay forked have the kernel spec `spec`; the others become the programs of
    installed kernelspecs, whose own messages `originate` makes; see `InstalledKernel`. `new_key`
    makes a kernel's signing key. Large messages are checked in `threads`. `rejected` counts the
    dropped messages by code.
    """

    reactor: Any
    threads: Any  # a ThreadPool
    zmq: ZmqSocketFactory
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
            relays=self.relays,
            limits=self.limits,
            rejected=self.rejected,
        )

    @property
    @abstractmethod
    def relays(self) -> Path:
        """The directory of the relays' sockets."""

    @abstractmethod
    def make_process(
        self, key: str, *, ahead: bool, installed: InstalledSpec | None
    ) -> KernelProcess:
        """The process of a new kernel, which is not started yet; `key` signs its messages."""

    def start(
        self, spec: KernelSpec, observer: KernelObserver, *, ahead: bool = False
    ) -> Deferred[Kernel]:
        """See `sagecell_tx.sessions.interfaces.Host.start`."""
        if spec != self.spec:
            raise ValueError(f"This host starts kernels of {self.spec.name}, not of {spec.name}.")
        return self._start(ConnectedKernel, observer, ahead=ahead)

    def start_installed(
        self, installed: InstalledSpec, observer: KernelObserver
    ) -> Deferred[Kernel]:
        """As `start`, a kernel of an installed kernelspec, which its machine has to have as well."""
        connect = partial(InstalledKernel, installed=installed, originate=self.originate)
        return self._start(connect, observer, installed=installed)

    def _start(
        self,
        connect: Callable[..., ConnectedKernel],
        observer: KernelObserver,
        *,
        ahead: bool = False,
        installed: InstalledSpec | None = None,
    ) -> Deferred[Kernel]:
        """Start a process, and what `connect` makes to connect to it."""
        key = self.new_key()
        process = self.make_process(key, ahead=ahead, installed=installed)
        kernel = connect(
            process=process,
            key=key.encode("ascii"),
            observer=observer,
            resources=self._resources,
        )
        return kernel.begin()
