"""The database: its transactions block, so they run in threads.

SQLite has one writer at a time. Writes therefore queue here, in the reactor, where waiting
costs no thread; SQLite itself waits for the writes of other processes, for `busy_timeout`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.util import CommandError
from attrs import define, field
from sqlalchemy import Connection, Engine, Executable, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, IntegrityError, OperationalError, SQLAlchemyError
from twisted.internet.defer import Deferred, DeferredList, DeferredLock, fail
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from sagecell_tx.config import ConfigError
from sagecell_tx.sessions.interfaces import StoreUnavailable
from sagecell_tx.sessions.metrics import Latencies
from sagecell_tx.store.disk import Disk

T = TypeVar("T")

_log = Logger()

_IMMEDIATE = "sagecell_tx_immediate"

UNAVAILABLE = "The server cannot reach its storage just now; please try again in a moment."


@define(kw_only=True, eq=False)
class Database:
    """An SQLAlchemy engine whose transactions run in a thread pool.

    Each Deferred fires when its transaction is committed, or fails with `StoreUnavailable`
    when it is rolled back because the database failed. Cancelling one discards the
    result; the transaction is still run, in its turn.
    """

    _engine: Engine
    _reactor: IReactorFromThreads
    _pool: ThreadPool
    _disk: Disk | None = None
    _latencies: Latencies = field(factory=Latencies)
    _writing: DeferredLock = field(factory=DeferredLock, init=False)
    _under_way: set[Deferred[Any]] = field(factory=set, init=False)
    _closed: bool = field(default=False, init=False)
    _failures: int = field(default=0, init=False)  # of writes, so far

    def upgrade(self) -> None:
        """Migrate the tables to this program's version, from any older one or none.

        Blocks; call it before the first transaction, which needs the tables. Raises `ConfigError`
        when the database cannot be used.
        """
        try:
            with self._engine.execution_options(**{_IMMEDIATE: True}).begin() as connection:
                _migrate(connection)
        except (SQLAlchemyError, CommandError) as error:
            raise ConfigError(f"database: {str(error).splitlines()[0]}") from error

    def read(self, work: Callable[[Connection], T]) -> Deferred[T]:
        """Run `work` in a transaction that only reads; fires with what it returns."""
        answer = self._answer(lambda: self._in_thread(self._engine, work))
        return self._latencies.timed("read", answer)

    def write(self, work: Callable[[Connection], T]) -> Deferred[T]:
        """Run `work` in a transaction after all earlier writes; fires with its result."""
        writer = self._engine.execution_options(**{_IMMEDIATE: True})
        failures = self._failures

        def in_turn() -> Deferred[T]:
            if self._failures != failures:
                # It has waited already for as long as SQLite waits, or for a failing disk.
                return fail(StoreUnavailable(UNAVAILABLE))
            return self._in_thread(writer, work).addErrback(self._count_failure)

        answer = self._answer(lambda: self._writing.run(in_turn))
        return self._latencies.timed("write", answer)

    def store(self, work: Callable[[Connection], T]) -> Deferred[T]:
        """As `write`, for transactions that add data. Fails with `StoreFull` without room."""

        def with_room(connection: Connection) -> T:
            if self._disk is not None:
                self._disk.check(connection)
            return work(connection)

        return self.write(with_room)

    def ping(self) -> Deferred[None]:
        """Fires if the database answers."""
        return self.read(lambda connection: connection.execute(text("SELECT 1")).close())

    def close(self) -> Deferred[None]:
        """Refuse new transactions; fires when those in progress have ended and all is closed."""
        self._closed = True
        done = DeferredList(list(self._under_way))
        return done.addCallback(
            lambda _: deferToThreadPool(self._reactor, self._pool, self._engine.dispose)
        )

    def _count_failure(self, failure: Failure) -> Failure:
        """Let the writes in the queue fail as well, or each would wait as long again."""
        error = failure.value
        # In other databases the cause may be this transaction alone, such as a deadlock.
        if isinstance(error, OperationalError) and isinstance(error.orig, sqlite3.Error):
            self._failures += 1
        return failure

    def _in_thread(self, engine: Engine, work: Callable[[Connection], T]) -> Deferred[T]:
        def transaction() -> T:
            with engine.begin() as connection:
                return work(connection)

        return deferToThreadPool(self._reactor, self._pool, transaction)

    def _answer(self, begin: Callable[[], Deferred[T]]) -> Deferred[T]:
        """Give the caller a Deferred of its own, so that cancelling cannot reach the queue."""
        if self._closed:
            return fail(StoreUnavailable("The server is shutting down."))
        asked = begin()
        answer: Deferred[T] = Deferred()

        def ended(result: T | Failure) -> T | Failure:
            self._under_way.discard(asked)
            return result

        self._under_way.add(asked)
        asked.addErrback(_unavailable).addBoth(ended).chainDeferred(answer)
        return answer


def open_database(
    url: str,
    *,
    reactor: IReactorFromThreads,
    pool: ThreadPool,
    busy_timeout: float = 15.0,
    reserve: int = 0,
    latencies: Latencies | None = None,
) -> Database:
    """The database at an SQLAlchemy URL; nothing is connected yet.

    `pool` has to run until `Database.close` has fired. `busy_timeout` is how many seconds SQLite
    waits for another process to finish writing, `reserve` how many bytes of its disk are left free.
    `latencies` counts transactions, from the request to the answer. Raises `ConfigError` for an invalid
    URL, or one whose driver is not installed.
    """
    try:
        parsed = make_url(url)
        sqlite = parsed.get_backend_name() == "sqlite"
        if sqlite and parsed.database in (None, "", ":memory:"):
            raise ConfigError("database: SQLite in memory keeps nothing; give the path of a file")
        engine = create_engine(
            parsed,
            pool_size=pool.max,
            max_overflow=0,
            pool_pre_ping=not sqlite,  # a server may have been restarted since
            connect_args={"timeout": busy_timeout} if sqlite else {},
            hide_parameters=True,  # in errors, which are logged: they may be programs
        )
    except ArgumentError as error:
        raise ConfigError(f"database: {error}") from error
    except ImportError as error:
        raise ConfigError(f"database: the driver is not installed: {error.name}") from error
    if sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    disk = None
    if sqlite and reserve:
        disk = Disk(directory=Path(str(parsed.database)).absolute().parent, reserve=reserve)
    return Database(
        engine=engine,
        reactor=reactor,
        pool=pool,
        disk=disk,
        latencies=latencies or Latencies(),
    )


def attempt(connection: Connection, statement: Executable) -> bool:
    """Run a statement within a transaction; False if a constraint forbade it."""
    try:
        with connection.begin_nested():
            connection.execute(statement)
    except IntegrityError:
        return False
    return True


def alembic_config() -> AlembicConfig:
    """Alembic's configuration, with the place of the packaged migrations."""
    config = AlembicConfig()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _migrate(connection: Connection) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _prepare_sqlite(dbapi_connection: Any, _record: object) -> None:
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
    transaction waits for the other server.
    """
    while True:
        try:
            dbapi_connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            dbapi_connection.execute("BEGIN EXCLUSIVE")
            dbapi_connection.execute("COMMIT")
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins by reading and goes on to write fails at once, without
    # waiting, when another has written meanwhile; one that takes the lock first waits.
    immediate = connection.get_execution_options().get(_IMMEDIATE)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _unavailable(failure: Failure) -> NoReturn:
    failure.trap(SQLAlchemyError, CommandError)
    _log.failure("The database failed", failure=failure)
    raise StoreUnavailable(UNAVAILABLE) from failure.value
