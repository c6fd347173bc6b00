"""The stores of permalinks and files that the settings ask for."""

from __future__ import annotations

import secrets
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from twisted.application.internet import TimerService
from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web.client import Agent

from sagecell_tx.assembly.identifiers import timestamp
from sagecell_tx.config import Config, ConfigError
from sagecell_tx.limits import MIB
from sagecell_tx.process.resources import trimming
from sagecell_tx.sessions.interfaces import (
    CellStore,
    RunPermalinkStore,
)
from sagecell_tx.sessions.metrics import Latencies
from sagecell_tx.store.database import Database, open_database
from sagecell_tx.store.files import DatabaseFileStore
from sagecell_tx.store.permalinks import DatabaseCellStore
from sagecell_tx.store.remotepermalinks import RemoteCellStore
from sagecell_tx.store.runpermalinks import DatabaseRunPermalinkStore
from sagecell_tx.store.waiting.files import WaitingFileStore
from sagecell_tx.store.waiting.retries import Retries
from sagecell_tx.store.waiting.runpermalinks import WaitingRunPermalinkStore

_log = Logger()


#: Seconds between two deletions of expired files.
SWEEP = 600.0

#: Seconds that what waits for the database may still do so when the server is stopped; systemd lets it have thirty for all
#: that it has to do.
GRACE = 8.0

#: Bytes of programs whose permalinks may wait for a database that is away.
WAITING_PERMALINKS = 4 * MIB


def make_state_dir(path: Path) -> None:
    """Create `path`, for the database and the kernels, if it is missing. Raises `ConfigError`.

    Also if it is there and is not a directory in which files can be created.
    """
    try:
        if not path.exists():
            path.mkdir(parents=True)
            # Kernels with their own accounts can traverse it, but not list it.
            path.chmod(0o711)
        with TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise ConfigError(f"state_dir: {path}: {error.strerror}") from error


def the_database(config: Config, reactor: Any, latencies: Latencies) -> Database:
    """The database of permalinks and files, which counts in `latencies`. Raises `ConfigError`."""
    return open_database(
        config.database_url,
        reactor=reactor,
        reserve=config.limits.files.disk_reserve_bytes,
        latencies=latencies,
    )


def cell_store(config: Config, database: Database, reactor: Any, latencies: Latencies) -> CellStore:
    """The store of permalinks: another server, which counts in `latencies`, or the database."""
    if config.permalinks:
        return RemoteCellStore(
            url=config.permalinks, agent=Agent(reactor), clock=reactor, latencies=latencies
        )
    return DatabaseCellStore(
        database=database,
        now=timestamp,
        entropy=secrets.token_bytes,
        run_seconds=config.limits.requests.run_permalink_seconds,
    )


def run_permalink_store(config: Config, database: Database, reactor: Any) -> RunPermalinkStore:
    """The store of permalinks of runs. Older ones expire even if no new ones are stored."""
    permalinks = DatabaseRunPermalinkStore(
        database=database,
        now=timestamp,
        entropy=secrets.token_bytes,
        total=config.limits.requests.run_permalink_bytes,
    )
    return WaitingRunPermalinkStore(
        permalinks=permalinks, retries=_retries(config, reactor, WAITING_PERMALINKS)
    )


def file_store(config: Config, database: Database, reactor: Any) -> WaitingFileStore:
    """The store of files that kernels made."""
    files = DatabaseFileStore(
        database=database,
        now=timestamp,
        entropy=secrets.token_bytes,
        total=config.limits.files.total_bytes,
    )
    return WaitingFileStore(
        files=files, retries=_retries(config, reactor, config.limits.files.waiting_bytes)
    )


def _retries(config: Config, reactor: Any, most: int) -> Retries:
    seconds = config.limits.files.waiting_seconds
    return Retries(clock=reactor, most=most, seconds=seconds, grace=GRACE)


def sweeping(
    config: Config, reactor: Any, files: WaitingFileStore, permalinks: RunPermalinkStore
) -> Service:
    """Periodic work: deletes what has expired, if no other worker does, and returns freed memory to the system.

    When it stops, the files that wait for the database are stored.
    """

    def sweep() -> Deferred[None]:
        now, limits = timestamp(), config.limits
        # TimerService stops for good when its function fails.
        swept = files.sweep(now - limits.files.retention_seconds)
        swept.addErrback(lambda failure: _log.failure("cannot delete expired files", failure))
        swept.addCallback(lambda _: permalinks.sweep(now - limits.requests.run_permalink_seconds))
        swept.addErrback(lambda failure: _log.failure("cannot delete expired permalinks", failure))
        return swept.addCallback(lambda _: None)

    sweeping = MultiService()
    files.setServiceParent(sweeping)
    timers = [TimerService(SWEEP, sweep)] if config.nodes.is_first else []
    for timer in (*timers, trimming(reactor, reactor.getThreadPool())):
        timer.clock = reactor
        timer.setServiceParent(sweeping)
    return sweeping
