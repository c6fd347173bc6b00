"""The database: its transactions block, so they run in threads of their own.

Writes queue here, in the reactor, where waiting costs no thread. What differs between SQLite and
PostgreSQL is in a `Backend` each.

A server that is away is found out by the transactions under way, within their limits of time. From then
on each transaction fails at once, until the server answers again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.util import CommandError
from attrs import define, field
from sqlalchemy import Connection, Engine, Executable, make_url, text
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError
from twisted.internet.defer import Deferred, DeferredList, DeferredLock, fail, succeed
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from sagecell_tx.config import ConfigError
from sagecell_tx.sessions.interfaces import StoreAway, StoreFull, StoreUnavailable
from sagecell_tx.sessions.metrics import Latencies
from sagecell_tx.store.disk import FULL
from sagecell_tx.store.outage import Outage
from sagecell_tx.store.postgresql import open_postgresql
from sagecell_tx.store.sqlite import open_sqlite

T = TypeVar("T")

_log = Logger()

#: Threads, each with a connection: one writes at a time, the others read.
THREADS = 8

#: Seconds within which a database answers before it is first used.
GREETING = 10.0

UNAVAILABLE = "The server cannot reach its storage just now; please try again in a moment."


class _TooLate(Exception):
    """A transaction did not end in time."""


class Backend(Protocol):
    """What differs between databases. Except `cut`, everything blocks."""

    engine: Engine

    @property
    def patience(self) -> float | None:
        """Seconds within which a transaction has to end; None: no limit."""

    @property
    def place(self) -> str:
        """Which database it is, for the operator; without a password."""

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that sees the state in which it begins."""

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction that excludes all other writers, of other processes as well."""

    def migrating(self) -> AbstractContextManager[Connection]:
        """A transaction like that, which may take long and waits longer for others."""

    def check_room(self, connection: Connection) -> None:
        """Raise `StoreFull` if nothing more should be stored."""

    def is_away(self, error: SQLAlchemyError) -> bool:
        """Whether the server did not answer, or ended the connection."""

    def is_busy(self, error: SQLAlchemyError) -> bool:
        """Whether a write waited in vain for another process, for which the next would wait as long."""

    def is_failing(self, error: SQLAlchemyError) -> bool:
        """Whether the database's disk does not read or write, for which each write may wait long."""

    def is_full(self, error: SQLAlchemyError) -> bool:
        """Whether there is no room on the database's disk."""

    def why(self, error: BaseException) -> str:
        """One line for the operator about an error."""

    def cut(self) -> None:
        """End all connections, so that threads that wait for one go on. Does not block."""

    def in_use(self) -> bool:
        """Whether another process has the database open."""

    def faults(self, connection: Connection) -> list[str]:
        """What is wrong with the database itself, as sentences."""

    def compact(self) -> None:
        """Return the space of what was deleted to the system, as far as that is possible."""

    def dispose(self) -> None:
        """Close all connections that are not in use."""


@define(kw_only=True, eq=False)
class Database:
    """A database whose transactions run in threads.

    Each Deferred fires when its transaction is committed. It fails with `StoreAway` if the database
    did not answer, when the transaction may have been committed all the same; and with another
    `StoreUnavailable` when the transaction was rolled back since the database refused it.
    Cancelling one discards the result; the transaction is still run, in its turn.
    """

    backend: Backend
    _reactor: Any  # with threads and time
    _pool: ThreadPool
    _latencies: Latencies = field(factory=Latencies)
    outage: Outage = field(init=False)
    _writing: DeferredLock = field(factory=DeferredLock, init=False)
    _under_way: set[Deferred[Any]] = field(factory=set, init=False)
    _closed: bool = field(default=False, init=False)
    _failures: int = field(default=0, init=False)  # of writes, so far

    def __attrs_post_init__(self) -> None:
        self.outage = Outage(clock=self._reactor, ask=self._greet)

    def upgrade(self) -> None:
        """Migrate the tables to this program's version, from any older one or none.

        Blocks; call it before the first transaction, which needs the tables. Raises `ConfigError`
        when the database cannot be used.
        """
        greet(self.backend)
        try:
            with self.backend.migrating() as connection:
                migrate(connection)
        except (SQLAlchemyError, CommandError) as error:
            raise ConfigError(f"database: {self.backend.why(error)}") from error

    def read(self, work: Callable[[Connection], T]) -> Deferred[T]:
        """Run `work` in a transaction that only reads; fires with what it returns."""
        answer = self._answer(lambda: self._in_thread(self.backend.reading, work))
        return self._latencies.timed("read", answer)

    def write(self, work: Callable[[Connection], T]) -> Deferred[T]:
        """Run `work` in a transaction after all earlier writes; fires with its result."""
        failures = self._failures

        def in_turn() -> Deferred[T]:
            if self._failures != failures:
                # It has waited already for as long as one write may, or for a failing disk.
                return fail(StoreAway(UNAVAILABLE))
            return self._in_thread(self.backend.writing, work)

        answer = self._answer(lambda: self._writing.run(in_turn))
        return self._latencies.timed("write", answer)

    def store(self, work: Callable[[Connection], T]) -> Deferred[T]:
        """As `write`, for transactions that add data. Fails with `StoreFull` without room."""

        def with_room(connection: Connection) -> T:
            self.backend.check_room(connection)
            return work(connection)

        return self.write(with_room)

    def ping(self) -> Deferred[None]:
        """Fires if the database answers."""
        return self.read(lambda connection: connection.execute(text("SELECT 1")).close())

    def compute(self, work: Callable[[], T]) -> Deferred[T]:
        """Run `work`, which needs no transaction, in a thread; fires with its result."""
        return self._answer(lambda: self._run(work))

    def close(self) -> Deferred[None]:
        """Refuse new transactions; fires when those in progress have ended and all is closed."""
        self._closed = True
        self.outage.close()
        done = DeferredList(list(self._under_way))
        return done.addCallback(lambda _: self._close())

    def _close(self) -> Deferred[None]:
        if not self._pool.started:
            self.backend.dispose()
            return succeed(None)
        closed = deferToThreadPool(self._reactor, self._pool, self.backend.dispose)
        return closed.addCallback(lambda _: self._pool.stop())

    def _greet(self) -> Deferred[None]:
        """Ask whether the server is there, in the one transaction that is begun during an outage."""

        def work(connection: Connection) -> None:
            connection.execute(text("SELECT 1"))

        return self._in_time(self.backend.reading, work)

    def _in_thread(
        self,
        begin: Callable[[], AbstractContextManager[Connection]],
        work: Callable[[Connection], T],
    ) -> Deferred[T]:
        if self.outage.lasts:
            return fail(StoreAway(UNAVAILABLE))
        return self._in_time(begin, work).addErrback(self._failed)

    def _in_time(
        self,
        begin: Callable[[], AbstractContextManager[Connection]],
        work: Callable[[Connection], T],
    ) -> Deferred[T]:
        """Run a transaction in a thread. Fails with `_TooLate` when its time is over.

        All connections are cut then: they go to the same server, and threads wait for it.
        """

        def transaction() -> T:
            with begin() as connection:
                return work(connection)

        asked = self._run(transaction)
        patience = self.backend.patience
        if patience is None:
            return asked
        answer: Deferred[T] = Deferred()

        def late() -> None:
            self.backend.cut()
            answer.errback(_TooLate(f"no answer within {patience:.0f} s"))

        def ended(result: T | Failure) -> None:
            if timer.active():
                timer.cancel()
                answer.callback(result)  # which may be a failure

        timer = self._reactor.callLater(patience, late)
        asked.addBoth(ended)
        return answer

    def _run(self, work: Callable[[], T]) -> Deferred[T]:
        if not self._pool.started:
            self._pool.start()
        return deferToThreadPool(self._reactor, self._pool, work)

    def _failed(self, failure: Failure) -> NoReturn:
        """Turn the database's errors into those of stores. Raises."""
        failure.trap(SQLAlchemyError, _TooLate)
        error, backend = failure.value, self.backend
        if not isinstance(error, SQLAlchemyError) or backend.is_away(error):
            self._failures += 1
            self.outage.begin(backend.why(error) if error else "")
            raise StoreAway(UNAVAILABLE) from error
        if backend.is_full(error):
            _log.error("nothing more is stored: {why}", why=backend.why(error))
            raise StoreFull(FULL) from error
        _log.failure("The database failed", failure=failure)
        if backend.is_busy(error) or backend.is_failing(error):
            self._failures += 1  # or each of the writes in the queue would wait as long again
            raise StoreAway(UNAVAILABLE) from error
        raise StoreUnavailable(UNAVAILABLE) from error

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
        asked.addBoth(ended).chainDeferred(answer)
        return answer


def open_backend(
    url: str,
    *,
    connections: int = THREADS,
    busy_timeout: float = 15.0,
    reserve: int = 0,
    bounded: bool = True,
    reads_only: bool = False,
) -> Backend:
    """The database at a URL; nothing is connected yet. Raises `ConfigError`.

    `busy_timeout` is how many seconds SQLite waits for another process to finish writing, `reserve`
    how many bytes of its disk are left free. Unless it is `bounded`, a statement may take any time.
    With `reads_only`, nothing is changed, not even how SQLite writes.
    """
    try:
        parsed = make_url(url)
        kind = parsed.get_backend_name()
    except (ArgumentError, ValueError):
        # Without its cause, which may have a part of a password that is taken for a port.
        raise ConfigError(
            "database: not a URL such as postgresql://user@host/cells or sqlite:////path/of/a/file; in a "
            "password, write %40 for @, %3A for : and %2F for /"
        ) from None
    if kind == "sqlite":
        return open_sqlite(
            parsed,
            connections=connections,
            busy_timeout=busy_timeout,
            reserve=reserve,
            reads_only=reads_only,
        )
    if kind == "postgresql":
        return open_postgresql(parsed, connections=connections, bounded=bounded)
    raise ConfigError(f"database: {kind} is not supported; use SQLite or PostgreSQL")


def greet(backend: Backend, patience: float = GREETING) -> None:
    """See whether the database answers. Blocks; raises `ConfigError` if it does not within `patience` seconds."""
    late = threading.Timer(patience, backend.cut)
    late.daemon = True
    late.start()
    try:
        with backend.reading() as connection:
            connection.exec_driver_sql("SELECT 1")
    except SQLAlchemyError as error:
        raise ConfigError(f"database: {backend.why(error)}") from error
    finally:
        late.cancel()


def open_database(
    url: str,
    *,
    reactor: Any,
    busy_timeout: float = 15.0,
    reserve: int = 0,
    threads: int = THREADS,
    latencies: Latencies | None = None,
) -> Database:
    """The database at a URL, with threads of its own; see `open_backend`.

    `latencies` counts transactions, from the request to the answer.
    """
    backend = open_backend(url, connections=threads, busy_timeout=busy_timeout, reserve=reserve)
    pool = ThreadPool(0, threads, "database")
    return Database(backend=backend, reactor=reactor, pool=pool, latencies=latencies or Latencies())


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


def migrate(connection: Connection) -> None:
    """Run the migrations that are missing. Raises `CommandError` for a later program's database."""
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
