"""The agent of a machine that runs kernels for web processes elsewhere, from its settings."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from sagecell_tx.assembly.kernels import fork_launcher, kernel_network
from sagecell_tx.assembly.parallel import engine_supervisor
from sagecell_tx.assembly.stores import make_state_dir
from sagecell_tx.config import ComputeConfig, ConfigError, parse_address, parse_fingerprint
from sagecell_tx.hosts.cluster.agent.agent import FACTS, Agent
from sagecell_tx.hosts.cluster.connections.identity import Identity
from sagecell_tx.hosts.kernelspecs.finding import find_specs
from sagecell_tx.hosts.parallel.supervisor import EngineSupervisor


def build_agent(config: ComputeConfig, reactor: Any) -> Agent:
    """Build the agent that `config` describes, without starting it. Raises `ConfigError`."""
    config = attrs.evolve(config, state_dir=config.state_dir.absolute())
    interface, port = parse_address("listen", config.listen)
    if not config.webs:
        raise ConfigError(
            "webs: expected the fingerprint of at least one web process, as "
            "`sagecell-tx cluster keys DIRECTORY` prints it"
        )
    webs = tuple(parse_fingerprint("webs", each) for each in config.webs)
    name = config.name or socket.gethostname()
    identity = Identity.read(Path(config.keys)) if config.keys else Identity.new(name)
    make_state_dir(config.state_dir)
    specs = find_specs(config.kernelspecs)
    network = kernel_network(config, reactor)
    return Agent(
        reactor=reactor,
        threads=reactor.getThreadPool(),
        launcher=fork_launcher(config, reactor, network, specs),
        identity=identity,
        webs=webs,
        machine=name,
        interface=interface,
        port=port,
        address=config.address or interface,
        capacity=config.kernels,
        specs={spec.kind.name: spec for spec in specs},
        new_session=lambda: secrets.token_hex(32),
        facts=_facts_directory(config),
    )


def build_engine(
    config: ComputeConfig, reactor: Any, variables: Mapping[str, str]
) -> EngineSupervisor | None:
    """Build what runs the engine of `config`'s agent; None if it has none. Raises `ConfigError`.

    `variables` are those of the environment.
    """
    config = attrs.evolve(config, state_dir=config.state_dir.absolute())
    return engine_supervisor(config, reactor, _facts_directory(config) / FACTS, variables)


def _facts_directory(config: ComputeConfig) -> Path:
    return Path(config.facts_dir) if config.facts_dir else config.state_dir
