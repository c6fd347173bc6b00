"""What is PostgreSQL's own: a server, over a network, which other web processes use as well.

Readers see the state in which they began. Writers take one lock when they begin, so that there is one
writer at a time, as with SQLite: a sweep cannot delete contents that another process is giving to
a file, and totals are kept by all processes together.

A server that goes away closes its connections, or stops answering. Each statement and each wait has a
limit there, each connection here; and `cut` ends what neither of them ends.
"""

from __future__ import annotations

import socket
import threading
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from attrs import define, field
from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from sagecell_tx.config import ConfigError

#: The driver, as SQLAlchemy calls it.
DRIVER = "postgresql+psycopg"

#: What the server shows as the name of our connections.
NAME = "sagecell-tx"

#: Seconds to connect, for another process's write to end, and for one statement.
CONNECT, LOCK, STATEMENT = 3, 4, 5

#: Seconds after which the server ends a transaction whose process does nothing: it may be gone, and
#: would hold the lock of writers.
IDLE = 10

#: Seconds for a whole transaction.
PATIENCE = 8.0

#: Seconds that a migration waits for another process's.
MIGRATION = 600

# Any number: the key of the advisory lock that writers take.
_WRITERS = 0x5A6ECE11

_EXCLUSIVE = "sagecell_tx_exclusive"
_SOCKET = "sagecell_tx_socket"

# How the codes of errors begin by which the server ends a connection, or refuses one: the connection
# failed, the server shuts down or starts, we did nothing for too long, there are too many.
_AWAY = ("08", "57P", "25P03", "53300")

# The codes for a lock that was not had in time, for a full disk, and for one that fails.
_LOCKED, _FULL, _FAILING = "55P03", "53100", "58030"


@define(eq=False)
class _Sockets:
    """The sockets of all open connections, which can be shut down while threads wait for them."""

    _open: set[socket.socket] = field(factory=set, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def connected(self, dbapi_connection: Any, record: Any) -> None:
        """Keep a second descriptor of the connection's socket, which nobody else closes."""
        # Only for its shutdown, which is the same for all families.
        mine = socket.fromfd(dbapi_connection.fileno(), socket.AF_UNIX, socket.SOCK_STREAM)
        record.info[_SOCKET] = mine
        with self._lock:
            self._open.add(mine)
        # SQLAlchemy drops a connection on which its first questions failed, and tells nobody.
        weakref.finalize(dbapi_connection, self._release, mine).atexit = False

    def closed(self, _dbapi_connection: Any, record: Any) -> None:
        """Close that descriptor."""
        mine = record.info.pop(_SOCKET, None)
        if mine is not None:
            self._release(mine)

    def _release(self, mine: socket.socket) -> None:
        with self._lock:
            self._open.discard(mine)
            mine.close()

    def shut_down(self) -> None:
        """End all connections."""
        with self._lock:
            for each in self._open:
                with suppress(OSError):  # the other side has closed it
                    each.shutdown(socket.SHUT_RDWR)


@define(kw_only=True, eq=False)
class PostgreSQL:
    """A `Backend` on a PostgreSQL server."""

    engine: Engine
    patience: float | None = PATIENCE
    _sockets: _Sockets = field(factory=_Sockets, init=False)
    _reader: Engine = field(init=False)
    _writer: Engine = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._reader = self.engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._writer = self.engine.execution_options(**{_EXCLUSIVE: True})
        event.listen(self.engine, "begin", _begin)
        event.listen(self.engine, "connect", self._sockets.connected, insert=True)
        event.listen(self.engine, "close", self._sockets.closed)
        event.listen(self.engine, "handle_error", _hide_rows)

    @property
    def place(self) -> str:
        """See `Backend`."""
        url = self.engine.url
        host = url.host or url.query.get("host") or "this machine"
        port = f":{url.port}" if url.port else ""
        return f"PostgreSQL, {url.database or url.username or ''} at {host}{port}"

    def reading(self) -> AbstractContextManager[Connection]:
        """See `Backend`."""
        return self._reader.begin()

    def writing(self) -> AbstractContextManager[Connection]:
        """See `Backend`."""
        return self._writer.begin()

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """See `Backend`. Raises `ConfigError` for a database in which not all programs can be stored."""
        with self.engine.begin() as connection:
            encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
            if encoding != "UTF8":
                raise ConfigError(
                    f"database: its encoding is {encoding}, which has not all characters; create it "
                    "with: createdb --encoding UTF8 --template template0 NAME"
                )
            for setting, milliseconds in (
                ("lock_timeout", MIGRATION * 1000),
                ("statement_timeout", 0),
                ("idle_in_transaction_session_timeout", 0),
            ):
                connection.exec_driver_sql(f"SET LOCAL {setting} = {milliseconds}")
            _lock_out_writers(connection)
            yield connection

    def check_room(self, connection: Connection) -> None:
        """See `Backend`. The disk is another machine's: it is full when the server says so."""

    def is_away(self, error: SQLAlchemyError) -> bool:
        """See `Backend`."""
        if not isinstance(error, DBAPIError):
            return False
        code = _code(error)
        if error.connection_invalidated or code.startswith(_AWAY):
            return True
        return isinstance(error, OperationalError) and not code  # it did not come to a connection

    def is_busy(self, error: SQLAlchemyError) -> bool:
        """See `Backend`."""
        return _code(error) == _LOCKED

    def is_failing(self, error: SQLAlchemyError) -> bool:
        """See `Backend`."""
        return _code(error) == _FAILING

    def is_full(self, error: SQLAlchemyError) -> bool:
        """See `Backend`."""
        return _code(error) == _FULL

    def why(self, error: BaseException) -> str:
        """See `Backend`."""
        told = str(getattr(error, "orig", None) or error)
        lines = [line.strip() for line in told.splitlines()]
        first = next((line for line in lines if line and not line.endswith(":")), "no answer")
        return first.removeprefix("- ").removeprefix("connection failed: ")

    def cut(self) -> None:
        """See `Backend`."""
        self._sockets.shut_down()

    def in_use(self) -> bool:
        """See `Backend`. True if others than this process's connections have our `NAME`."""
        with self.reading() as connection:
            mine = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            others = connection.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = %s AND pid <> %s",
                (NAME, mine),
            )
            return bool(others.scalar_one())

    def faults(self, connection: Connection) -> list[str]:
        """See `Backend`."""
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        return [] if encoding == "UTF8" else [f"its encoding is {encoding}, and not UTF8"]

    def compact(self) -> None:
        """See `Backend`. The server returns what it can at the end of the tables; it locks nobody out."""
        with self.engine.connect() as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            alone.exec_driver_sql("SET statement_timeout = 0")
            alone.exec_driver_sql("VACUUM (ANALYZE)")
            alone.exec_driver_sql(f"SET statement_timeout = {STATEMENT * 1000}")

    def dispose(self) -> None:
        """See `Backend`."""
        self.engine.dispose()


def open_postgresql(url: URL, *, connections: int, bounded: bool = True) -> PostgreSQL:
    """The PostgreSQL database at `url`; nothing is connected yet. Raises `ConfigError`.

    What follows a question mark in `url` is passed on to libpq, and overrides what is set here. Unless
    it is `bounded`, a statement may take any time, as those of commands may.
    """
    if url.drivername not in ("postgresql", DRIVER):
        raise ConfigError(
            f"database: the driver {url.drivername} is not supported; write postgresql://..."
        )
    timeouts = {
        "statement_timeout": STATEMENT if bounded else 0,
        "lock_timeout": LOCK if bounded else 60,
        "idle_in_transaction_session_timeout": IDLE if bounded else 0,
    }
    options = " ".join(f"-c {name}={1000 * seconds}" for name, seconds in timeouts.items())
    given = url.query
    if "options" in given:
        options = f"{options} {given['options']}"
        url = url.difference_update_query(["options"])
    ours = {
        "application_name": NAME,
        "connect_timeout": CONNECT,
        # A server that vanished acknowledges nothing.
        "tcp_user_timeout": int(PATIENCE * 1000),
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    }
    connect_args = {name: value for name, value in ours.items() if name not in given}
    try:
        engine = create_engine(
            url.set(drivername=DRIVER),
            pool_size=connections,
            max_overflow=0,
            pool_pre_ping=True,  # the server may have been restarted since
            connect_args={**connect_args, "options": options},
            hide_parameters=True,  # in errors, which are logged: they may be programs
        )
    except ImportError as error:
        raise ConfigError(
            "database: PostgreSQL needs the driver psycopg; install it with: "
            "pip install 'sagecell-tx[postgresql]'"
        ) from error
    return PostgreSQL(engine=engine, patience=PATIENCE if bounded else None)


def _hide_rows(context: ExceptionContext) -> None:
    """Take out of an error what the server tells of the row: it may be a program, and errors are logged."""
    errors = (context.original_exception, context.sqlalchemy_exception)
    for error in errors:
        if error is not None and error.args:
            first, *others = error.args
            error.args = (str(first).partition("\nDETAIL:")[0], *others)


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get(_EXCLUSIVE):
        _lock_out_writers(connection)


def _lock_out_writers(connection: Connection) -> None:
    """Wait until no other process writes, and let none write until this transaction ends."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")


def _code(error: BaseException) -> str:
    """The five characters by which PostgreSQL names an error; empty if it was not the server's."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""
