"""The host of kernels on other machines, as the settings describe it."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from sagecell_tx.assembly.identifiers import new_id, now
from sagecell_tx.assembly.parallel import hub
from sagecell_tx.config import SANDBOXES, Config, ConfigError, parse_fingerprint
from sagecell_tx.hosts.channels.zmqsocket import ZmqSocketFactory
from sagecell_tx.hosts.cluster.connections.identity import Identity
from sagecell_tx.hosts.cluster.facts import Facts, Machines
from sagecell_tx.hosts.cluster.host import ClusterHost, tls_connector
from sagecell_tx.hosts.directories.workdir import WorkDirs
from sagecell_tx.hosts.network.resolver import ThreadedResolver
from sagecell_tx.sessions.originator import Originator
from sagecell_tx.sessions.spec import PYTHON
from sagecell_tx.wire.messages import WireError


def cluster_host(config: Config, reactor: Any) -> ClusterHost:
    """The host of kernels on the machines of the settings. Raises `ConfigError`."""
    if config.sandbox not in ("auto", *SANDBOXES):
        names = ", ".join(("auto", *SANDBOXES))
        raise ConfigError(f"sandbox: expected one of {names}, not {config.sandbox!r}")
    identity = Identity.read(Path(config.cluster.keys))
    machines = known_machines(config)
    pinned = [facts.name for facts in machines.known]
    if not config.cluster.max_kernels:
        raise ConfigError("cluster.max_kernels: expected 1 or more")
    most = {
        name: each.max_kernels
        for name, each in zip(pinned, config.cluster.machines, strict=True)
        if each.max_kernels
    }
    path = Path(config.cluster.hub)
    resolver = ThreadedResolver(reactor=reactor)
    return ClusterHost(
        reactor=reactor,
        threads=reactor.getThreadPool(),
        zmq=ZmqSocketFactory(reactor),
        directories=WorkDirs(config.kernels_dir, lambda: secrets.token_hex(4)),
        machines=machines,
        connect=tls_connector(reactor, identity, resolver),
        resolver=resolver,
        required=config.sandbox,
        max_kernels=lambda name: most.get(name, config.cluster.max_kernels),
        limits=config.limits,
        spec=PYTHON,
        new_key=lambda: secrets.token_hex(32),
        new_token=lambda: secrets.token_hex(16),
        originate=Originator(new_id=new_id, now=now).originate,
        hub=hub(path, reactor, machines, pinned) if config.cluster.hub else None,
    )


def known_machines(config: Config) -> Machines:
    """The machines that the settings name. Raises `ConfigError`."""
    machines = Machines()
    for each in config.cluster.machines:
        host, port = each.host_and_port
        fingerprint = parse_fingerprint("cluster.machines: fingerprint", each.fingerprint)
        name = each.name or each.address
        try:
            facts = Facts(name=name, host=host, port=port, fingerprint=fingerprint)
        except WireError as error:
            raise ConfigError(f"cluster.machines: {name}: {error}") from error
        if any(known.name == name for known in machines.known):
            raise ConfigError(f"cluster.machines: two machines have the name {name!r}")
        machines.joined(facts)
    return machines
