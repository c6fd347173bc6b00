"""What is SQLite's own: a file, on a disk of this machine, with one writer at a time.

Readers and a writer do not wait for one another (WAL). A writer takes the lock when it begins, and
waits `busy_timeout` for those of other processes.
"""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from attrs import define, field
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from sagecell_tx.config import ConfigError
from sagecell_tx.store.disk import Disk

_IMMEDIATE = "sagecell_tx_immediate"

#: The codes of errors for which another process, or another connection, has the lock.
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@define(kw_only=True, eq=False)
class SQLite:
    """A `Backend` on the file `path`. `disk` keeps some of its disk free, if it is given.

    Nothing limits the time of a transaction: the file does not go away.
    """

    engine: Engine
    path: Path
    disk: Disk | None = None
    patience: float | None = field(default=None, init=False)
    _writer: Engine = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._writer = self.engine.execution_options(**{_IMMEDIATE: True})

    @property
    def place(self) -> str:
        """See `Backend`."""
        return f"SQLite, {self.path}"

    def reading(self) -> AbstractContextManager[Connection]:
        """See `Backend`."""
        return self.engine.begin()

    def writing(self) -> AbstractContextManager[Connection]:
        """See `Backend`."""
        return self._writer.begin()

    def migrating(self) -> AbstractContextManager[Connection]:
        """See `Backend`."""
        return self._writer.begin()

    def check_room(self, connection: Connection) -> None:
        """See `Backend`."""
        if self.disk is not None:
            pages = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
            size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
            self.disk.check(reusable=pages * size)

    def is_away(self, error: SQLAlchemyError) -> bool:
        """See `Backend`."""
        return False

    def is_busy(self, error: SQLAlchemyError) -> bool:
        """See `Backend`."""
        return _code(error) & 0xFF in _LOCKED

    def is_failing(self, error: SQLAlchemyError) -> bool:
        """See `Backend`."""
        return _code(error) & 0xFF == sqlite3.SQLITE_IOERR

    def is_full(self, error: SQLAlchemyError) -> bool:
        """See `Backend`."""
        return _code(error) == sqlite3.SQLITE_FULL

    def why(self, error: BaseException) -> str:
        """See `Backend`."""
        return str(error).splitlines()[0]

    def cut(self) -> None:
        """See `Backend`. There is no connection to cut."""

    def in_use(self) -> bool:
        """See `Backend`.

        Every other connection shares a lock on the file, and an exclusive one cannot be had then.
        """
        self.engine.dispose()  # our own connections would be in the way
        connection = sqlite3.connect(self.path, timeout=0.0, isolation_level=None)
        try:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return True
        finally:
            connection.close()
        return False

    def faults(self, connection: Connection) -> list[str]:
        """See `Backend`."""
        told = connection.exec_driver_sql("PRAGMA quick_check(10)").scalars().all()
        return [f"the file is damaged: {each}" for each in told if each != "ok"]

    def compact(self) -> None:
        """See `Backend`. Needs as much free space on the disk as the file has contents."""
        with self.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute("VACUUM")
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def dispose(self) -> None:
        """See `Backend`."""
        self.engine.dispose()


def _code(error: SQLAlchemyError) -> int:
    """SQLite's own code of an error, whose lowest eight bits are the kind; 0 if it is none of SQLite's."""
    return int(getattr(getattr(error, "orig", None), "sqlite_errorcode", 0))


def open_sqlite(
    url: URL, *, connections: int, busy_timeout: float, reserve: int, reads_only: bool
) -> SQLite:
    """The SQLite database at `url`; nothing is opened yet. Raises `ConfigError`.

    `reserve` bytes of its disk are left free. With `reads_only`, the file stays as it is, its journal
    mode included.
    """
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise ConfigError(
            f"database: the driver {url.drivername} is not supported; write sqlite:////path/of/a/file"
        )
    if url.query:  # which the driver would ignore, as it does with "mode=ro", or fail at
        raise ConfigError("database: SQLite takes nothing after a question mark in the URL")
    if url.database in (None, "", ":memory:") or "\0" in str(url.database):
        raise ConfigError("database: SQLite in memory keeps nothing; give the path of a file")
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        connect_args={"timeout": busy_timeout},
        hide_parameters=True,  # in errors, which are logged: they may be programs
    )
    event.listen(engine, "connect", _prepare_to_read if reads_only else _prepare)
    event.listen(engine, "begin", _begin)
    path = Path(str(url.database)).absolute()
    disk = Disk(directory=path.parent, reserve=reserve) if reserve else None
    return SQLite(engine=engine, path=path, disk=disk)


def _prepare_to_read(dbapi_connection: Any, _record: object) -> None:
    dbapi_connection.isolation_level = None
    dbapi_connection.execute("PRAGMA query_only=ON")


def _prepare(dbapi_connection: Any, _record: object) -> None:
    # Otherwise the driver begins transactions by itself, none of them immediate.
    dbapi_connection.isolation_level = None
    _write_ahead(dbapi_connection)
    for pragma in (
        "synchronous=NORMAL",
        "foreign_keys=ON",
        # Debian's SQLite overwrites deleted data with zeros, which writes a large file twice more.
        "secure_delete=FAST",
    ):
        dbapi_connection.execute(f"PRAGMA {pragma}")


def _write_ahead(dbapi_connection: Any) -> None:
    """Set the journal mode WAL, in which readers and a writer do not wait for one another.

    SQLite waits for a writer before it begins a transaction, but not before it changes the journal
    mode, which would fail for one of two servers that start at once. So an empty exclusive
    transaction waits for the other server. Other errors are the operator's: a full disk, or a directory
    in which no file can be made, where such a transaction does not fail.
    """
    while True:
        try:
            dbapi_connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            dbapi_connection.execute("BEGIN EXCLUSIVE")
            dbapi_connection.execute("COMMIT")
        else:
            return


def _begin(connection: Connection) -> None:
    # A transaction that begins by reading and goes on to write fails at once, without
    # waiting, when another has written meanwhile; one that takes the lock first waits.
    immediate = connection.get_execution_options().get(_IMMEDIATE)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
