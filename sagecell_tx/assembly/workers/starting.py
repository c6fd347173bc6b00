"""What a worker is told at its start: its settings, which are those of the server with its part of the limits."""

from __future__ import annotations

import json

import attrs
from attrs import field, frozen

from sagecell_tx.assembly.nodes import check_node
from sagecell_tx.config import Config, ConfigError, document_of, settings_in
from sagecell_tx.process.nodes import UNNUMBERED, worker_number
from sagecell_tx.workers.shares import share

#: The most web processes. Each has fork servers of its own, and a part of the limits that is of use.
MOST = 16

#: The descriptors of a worker: its line to the keeper, and the first of the listening sockets.
LINE, FIRST = 3, 4


def check_workers(config: Config) -> None:
    """Raises `ConfigError` for a number of web processes that cannot be."""
    if not 1 <= config.web_processes <= MOST:
        raise ConfigError(
            f"web_processes: expected a number from 1 to {MOST}, not {config.web_processes}"
        )
    if config.web_processes == 1:
        return
    if config.node >= UNNUMBERED:
        raise ConfigError(
            f"node: with several web processes, expected a number below {UNNUMBERED}, not {config.node}"
        )
    check_node(config)
    if config.permalinks_only:
        raise ConfigError("web_processes: a server of permalinks alone has one process")
    if config.cluster.keys:
        raise ConfigError(
            "web_processes: a server whose kernels run on other machines has one process; "
            "several servers can share the machines"
        )


@frozen(kw_only=True)
class Start:
    """What a worker is told: its settings, and the families of the sockets that it has inherited.

    It `follows` another process of the same number. A worker that takes over from other servers does so when it
    is up, like a server of one process.
    """

    config: Config
    families: tuple[int, ...]
    built: float
    follows: bool = False
    keeper_config: Config = field(factory=Config)  # whose limits are those of all workers together

    def dump(self) -> bytes:
        """As JSON."""
        document = {
            "settings": document_of(self.keeper_config),
            "node": self.config.node,
            "families": list(self.families),
            "follows": self.follows,
            "built": self.built,
        }
        return json.dumps(document).encode("ascii")

    @classmethod
    def parse(cls, data: bytes) -> Start:
        """What `dump` gave. Raises `ConfigError`."""
        try:
            document = json.loads(data)
        except ValueError:
            document = None
        match document:
            case {
                "settings": dict(settings),
                "node": int(node),
                "families": list(families),
                "follows": bool(follows),
                "built": float(built),
            }:
                whole = settings_in(settings)
                return cls(
                    config=worker_config(whole, node),
                    families=tuple(int(family) for family in families),
                    follows=follows,
                    built=built,
                    keeper_config=whole,
                )
        raise ConfigError("a web process of several is started by its keeper alone")


def worker_config(config: Config, node: int) -> Config:
    """The settings of the worker with that number. Only the first has the addresses for operators."""
    index = node - worker_number(config.node, 0)
    own = attrs.evolve(config, node=node, limits=share(config.limits, index, config.web_processes))
    if index == 1:
        return own
    return attrs.evolve(
        own,
        metrics=attrs.evolve(config.metrics, listen=()),
        admin=attrs.evolve(config.admin, listen=()),
    )
