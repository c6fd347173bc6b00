"""The host of kernels that the settings ask for, and the fleet of sessions on it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.threadpool import ThreadPool

from sagecell_tx.assembly.identifiers import new_id, new_kernel_id, now
from sagecell_tx.config import ComputeConfig, Config, ConfigError
from sagecell_tx.hosts.channels.zmqsocket import ZmqSocketFactory
from sagecell_tx.hosts.directories.removals import AT_ONCE
from sagecell_tx.hosts.directories.workdir import WorkDirs
from sagecell_tx.hosts.forked.host import ForkHost
from sagecell_tx.hosts.forked.launcher import ForkLauncher
from sagecell_tx.hosts.forked.python import KernelPython
from sagecell_tx.hosts.forked.sandbox import Sandbox, run_program
from sagecell_tx.hosts.kernelspecs.finding import find_specs
from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.hosts.network.allowlist import AllowList, is_public
from sagecell_tx.hosts.network.egress import Network
from sagecell_tx.hosts.network.resolver import ThreadedResolver
from sagecell_tx.hosts.routing import ForkingHost, KernelHost
from sagecell_tx.http.jupyter.kernelspecs import OfferedSpec, SpecFile
from sagecell_tx.sessions.admission.places import Pool
from sagecell_tx.sessions.admission.starts import Starts
from sagecell_tx.sessions.admission.visitors import Purpose
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.interfaces import (
    FileStore,
    HostService,
    RunPermalinkStore,
)
from sagecell_tx.sessions.lifecycle.programsample import ProgramSample
from sagecell_tx.sessions.originator import Originator
from sagecell_tx.sessions.pool.pool import ReadyKernels
from sagecell_tx.sessions.spec import PYTHON

#: Kernels that are started at a time for each processor, if the settings do not say how many.
STARTS = 3


def offered_specs(host: HostService) -> list[OfferedSpec]:
    """The installed kernelspecs that `host` has, as clients see them."""
    installed = host.installed.values() if isinstance(host, KernelHost) else ()
    return [
        OfferedSpec(
            name=spec.kind.name,
            display_name=spec.kind.display_name,
            language=spec.kind.language,
            kind=spec.kind,
            interrupt_mode=spec.interrupt_mode,
            help_links=spec.help_links,
            files={
                key: SpecFile(each.name, each.media_type, each.content)
                for key, each in spec.resources.items()
            },
        )
        for spec in installed
    ]


def kernel_host(config: Config, reactor: Any) -> HostService:
    """The host of all kernels, those of installed kernelspecs included. Raises `ConfigError`."""
    specs = find_specs(config.kernelspecs)
    forked: ForkingHost
    if config.cluster.keys:
        # Only here: a server whose kernels run on its own machine needs nothing of the cluster.
        from sagecell_tx.assembly.cluster import cluster_host

        forked = cluster_host(config, reactor)
    elif config.cluster.machines or config.cluster.hub:
        raise ConfigError(
            "cluster.keys: missing; machines need this server's key, as "
            "`sagecell-tx cluster keys DIRECTORY` makes it"
        )
    else:
        network = kernel_network(config, reactor)  # may raise: nothing has to be closed yet
        forked = _fork_host(config, reactor, network, specs)
    if not specs:
        return forked
    return KernelHost(forked=forked, installed={spec.kind: spec for spec in specs})


def _fork_host(
    config: Config, reactor: Any, network: Network | None, specs: Sequence[InstalledSpec]
) -> ForkHost:
    """The host that forks kernels on this machine. Raises `ConfigError`."""
    originator = Originator(new_id=new_id, now=now)
    return ForkHost(
        reactor=reactor,
        threads=reactor.getThreadPool(),
        zmq=ZmqSocketFactory(reactor),
        launcher=fork_launcher(config, reactor, network, specs),
        limits=config.limits,
        spec=PYTHON,
        originate=originator.originate,
        new_key=lambda: secrets.token_hex(32),
    )


def fork_launcher(
    config: Config | ComputeConfig,
    reactor: Any,
    network: Network | None,
    specs: Sequence[InstalledSpec],
) -> ForkLauncher:
    """What starts processes here, which can read what those of `specs` need. Raises `ConfigError`."""
    readable = [path for spec in specs for path in spec.directories]
    return ForkLauncher(
        reactor=reactor,
        removers=ThreadPool(0, AT_ONCE, "removals"),
        directories=WorkDirs(
            config.kernels_dir,
            lambda: secrets.token_hex(4),
            config.accounts_lock if os.geteuid() == 0 else None,  # only root gives kernels accounts
        ),
        preload=config.preload,
        picture_files=config.picture_files,
        spare=config.spare,
        patience=config.limits.lifetime.start_seconds,
        sandbox=Sandbox(
            level=config.sandbox,
            kernels=str(config.kernels_dir.absolute()),
            hidden=(str(config.state_dir), *_secrets(config)),
            visible=tuple(dict.fromkeys((*config.visible, *readable))),
            accounts=config.own_accounts,
        ),
        try_level=run_program,
        network=network,
        python=KernelPython.of(config.kernel_python),
    )


def _secrets(config: Config | ComputeConfig) -> list[str]:
    """The directories of keys, as absolute paths."""
    keys = config.keys if isinstance(config, ComputeConfig) else config.cluster.keys
    return [os.path.abspath(keys)] if keys else []


def kernel_network(config: Config | ComputeConfig, reactor: Any) -> Network | None:
    """The network that kernels may use; None if they may use none. Raises `ConfigError`."""
    allowed = AllowList.of(config.network, config.network_ports)
    if not config.network:
        return None
    return Network(
        reactor=reactor,
        allowed=allowed,
        limits=config.limits.network,
        resolver=ThreadedResolver(reactor=reactor),
        is_public=is_public,
    )


def follow_places(host: HostService, fleet: Fleet, ready: ReadyKernels) -> None:
    """Let `fleet` and `ready` have no more kernels than the machines of `host` take, if it has several."""
    forking = host.forked if isinstance(host, KernelHost) else host
    if isinstance(forking, ForkHost):
        return
    from sagecell_tx.hosts.cluster.host import ClusterHost

    assert isinstance(forking, ClusterHost)

    def set_places(places: int) -> None:
        fleet.admission.set_places(places)
        ready.set_places(places)

    forking.on_places = set_places
    set_places(0)  # until a machine is there


def ready_kernels(config: Config, reactor: Any, host: HostService) -> ReadyKernels:
    """A pool in front of `host`, which starts some kernels ahead of demand."""
    return ReadyKernels(
        host=host,
        spec=PYTHON,
        limits=config.limits.admission,
        start_seconds=config.limits.lifetime.start_seconds,
        clock=reactor,
        when_up=host.when_up,
    )


def session_fleet(
    config: Config,
    reactor: Any,
    ready: ReadyKernels,
    files: FileStore,
    permalinks: RunPermalinkStore,
    when_up: Callable[[], Deferred[None]],
    has_room: Callable[[], bool],
    has_answered: Callable[[], bool],
    shared: Mapping[Purpose, Pool] | None = None,
) -> Fleet:
    """The fleet of all sessions; `ready` has or starts their kernels, and can do so from `when_up` on.

    `shared` are the places that a worker shares with others.
    """
    processors = len(os.sched_getaffinity(0))
    at_once = config.limits.admission.starting_kernels
    if not at_once:
        at_once = -(-STARTS * processors // config.web_processes)  # of all workers together
    # A program whose permalink is stored here would not be found at the server of permalinks.
    are_stored = config.run_permalinks and not config.permalinks
    return Fleet(
        host=ready,
        is_ready=ready.has_ready,
        has_room=has_room,
        has_answered=has_answered,
        shared=shared,
        sample=ProgramSample(config.logs.sample),
        spec=PYTHON,
        files=files,
        permalinks=permalinks if are_stored else None,
        baseurl=config.prefix,
        limits=config.limits,
        clock=reactor,
        originator=Originator(new_id=new_kernel_id(config.node), now=now),
        starts=Starts(at_once=at_once, each=(at_once + 1) // 2, clock=reactor, when_up=when_up),
    )
