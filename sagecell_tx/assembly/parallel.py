"""What tells a controller of ipyparallel where this machine's agent is, and what asks it for all of them."""

from __future__ import annotations

import importlib.util
import os
import pwd
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThreadPool

from sagecell_tx.assembly.identifiers import new_id, now
from sagecell_tx.config import ComputeConfig, ConfigError
from sagecell_tx.hosts.cluster.facts import Machines
from sagecell_tx.hosts.parallel.hub import Hub
from sagecell_tx.hosts.parallel.hubsockets import HubSockets
from sagecell_tx.hosts.parallel.protocol import FILE_LIMIT, ConnectionFile
from sagecell_tx.hosts.parallel.supervisor import EngineSupervisor, launched_file
from sagecell_tx.sessions.originator import Originator

_MISSING = (
    "engine: the package ipyparallel is not installed; "
    "install sagecell-tx with the extra `cluster`, as `pip install 'sagecell-tx[cluster]'` does"
)


def engine_supervisor(
    config: ComputeConfig, reactor: Any, facts: Path, variables: Mapping[str, str]
) -> EngineSupervisor | None:
    """Runs the engine that tells what is in the file `facts`; None if there is to be none.

    There is one if the settings name its connection file, or if a launcher of ipyparallel has started
    this process, which its environment `variables` show. Raises `ConfigError`.
    """
    setting = config.engine.connection_file
    file = Path(setting) if setting else launched_file(variables)
    if file is None:
        return None
    if importlib.util.find_spec("ipyparallel") is None:
        raise ConfigError(_MISSING)
    return EngineSupervisor(
        reactor=reactor,
        threads=reactor.getThreadPool(),
        connection_file=file.absolute(),
        facts_file=facts,
        directory=config.state_dir / "engine",
        account=_account(config.engine.account) if os.geteuid() == 0 else None,
    )


def _account(name: str) -> tuple[int, int]:
    """The user id and the group id of an account. Raises `ConfigError` if there is no such account."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError as error:
        raise ConfigError(f"engine.account: there is no account {name!r}") from error
    return entry.pw_uid, entry.pw_gid


def hub(path: Path, reactor: Any, machines: Machines, pinned: Collection[str] = ()) -> Hub:
    """Keeps `machines` as the engines of one controller say, whose ``ipcontroller-client.json`` is `path`.

    Those named in `pinned` are not changed.
    """

    def connect(file: ConnectionFile, received: Callable[[str, list[bytes]], None]) -> HubSockets:
        return HubSockets(reactor, file, received, new_id())

    return Hub(
        clock=reactor,
        read=partial(deferToThreadPool, reactor, reactor.getThreadPool(), _read, path),
        connect=connect,
        originate=Originator(new_id=new_id, now=now).originate,
        machines=machines,
        pinned=pinned,
    )


def _read(path: Path) -> bytes:
    """The beginning of a file, which may be on a slow disk of another machine."""
    with path.open("rb") as file:
        return file.read(FILE_LIMIT + 1)
