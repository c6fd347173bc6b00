"""The database that a command line names."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sagecell_tx.config import Config, ConfigError, load
from sagecell_tx.remote.escapes import one_line
from sagecell_tx.store.database import Backend, greet, migrate, open_backend
from sagecell_tx.store.sqlite import SQLite
from sagecell_tx.store.transfer.checking import versions


def settings_of(options: argparse.Namespace) -> Config:
    """The settings that the options name, or the defaults. Raises `ConfigError`."""
    settings = load(options.config) if options.config else {}
    if options.state_dir:
        settings["state_dir"] = options.state_dir
    return Config(**settings)


@contextmanager
def opened(
    options: argparse.Namespace, *, may_be_new: bool = False, reads_only: bool = False
) -> Iterator[Backend]:
    """The database that the options name. Raises `ConfigError` if there is none."""
    settings = settings_of(options)
    backend = open_backend(
        options.database or settings.database_url,
        connections=2,
        busy_timeout=60.0,
        reserve=settings.limits.files.disk_reserve_bytes,
        bounded=False,
        reads_only=reads_only,
    )
    try:
        if isinstance(backend, SQLite) and not may_be_new and not backend.path.is_file():
            raise ConfigError(f"database: there is no file {backend.path}")
        greet(backend)
        yield backend
    finally:
        backend.dispose()


def table_versions(backend: Backend) -> tuple[str, str]:
    """The version of the tables, empty if there are none, and that which this program needs."""
    with backend.reading() as connection:
        return versions(connection)


def upgrade_tables(backend: Backend) -> None:
    """Bring the tables up to date, or make them, in one transaction."""
    with backend.migrating() as connection:
        migrate(connection)


def need_current(backend: Backend) -> None:
    """Raises `ConfigError` unless the tables are those of this program."""
    present, needed = table_versions(backend)
    if present != needed:
        raise ConfigError(
            f"database: its tables have version {present or 'none'}, and this program needs {needed}; "
            "first run: sagecell-tx db upgrade"
        )


def say(sentence: str, *, aside: bool = False) -> None:
    """Print a sentence, which may contain what is in a database; `aside` is for what must not be in the output."""
    print(one_line(sentence), file=sys.stderr if aside else sys.stdout)


def now() -> float:
    """The time, in seconds since the epoch."""
    return datetime.now(UTC).timestamp()
