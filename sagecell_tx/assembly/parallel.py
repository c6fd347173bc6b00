"""What asks a controller of ipyparallel which machines there are."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThreadPool

from sagecell_tx.assembly.identifiers import new_id, now
from sagecell_tx.hosts.cluster.facts import Machines
from sagecell_tx.hosts.parallel.hub import Hub
from sagecell_tx.hosts.parallel.hubsockets import HubSockets
from sagecell_tx.hosts.parallel.protocol import FILE_LIMIT, ConnectionFile
from sagecell_tx.sessions.originator import Originator


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
