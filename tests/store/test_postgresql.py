"""The stores on a real PostgreSQL: what they promise on SQLite, they promise there as well."""

from __future__ import annotations

import hashlib
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Table, func, select
from twisted.internet.defer import Deferred

from sagecell_tx.config import ConfigError
from sagecell_tx.sessions.admission.storagebudgets import ENTRY
from sagecell_tx.sessions.interfaces import StoreAway
from sagecell_tx.store.database import open_database
from sagecell_tx.store.files import DatabaseFileStore
from sagecell_tx.store.outage import INTERVAL
from sagecell_tx.store.postgresql import PATIENCE
from sagecell_tx.store.schema import chunks, files
from sagecell_tx.store.uploads import CHUNK
from tests.postgresql import PostgreSQLServer, postgresql
from tests.store import (
    test_database,
    test_files,
    test_migrations,
    test_permalinks,
    test_room,
    test_runpermalinks,
)
from tests.store.waiting import WaitingTestCase

__all__ = ["postgresql"]

pytestmark = pytest.mark.integration

# As in sagecell_tx.store.postgresql: another version of this program has to have the same.
WRITERS = 0x5A6ECE11

_numbers = itertools.count()


class PostgreSQLTestCase(WaitingTestCase):
    """Lets each test have a schema of its own, which is made faster than a database."""

    server: PostgreSQLServer
    schema: str

    @pytest.fixture(autouse=True)
    def _schema(self, postgresql: PostgreSQLServer) -> Iterator[None]:
        self.server, self.schema = postgresql, f"test{next(_numbers)}"
        with postgresql.connect("postgres") as connection:
            connection.execute(f"CREATE SCHEMA {self.schema}")
            yield
            connection.execute(f"DROP SCHEMA {self.schema} CASCADE")

    def url(self, busy_timeout: float) -> str:
        settings = {"search_path": self.schema, "lock_timeout": int(busy_timeout * 1000)}
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        return self.server.url("postgres", options=options)

    def another_writes(self) -> Callable[[], object]:
        other = self.server.connect("postgres")
        self.addCleanup(other.close)
        other.execute("BEGIN")
        other.execute(f"SELECT pg_advisory_xact_lock({WRITERS})")
        return lambda: other.execute("ROLLBACK")


class PostgreSQLDatabaseTests(PostgreSQLTestCase, test_database.DatabaseTests):
    pass


class PostgreSQLMigrationTests(PostgreSQLTestCase, test_migrations.MigrationTests):
    pass


class PostgreSQLCellStoreTests(PostgreSQLTestCase, test_permalinks.DatabaseCellStoreTests):
    pass


class PostgreSQLRunPermalinkStoreTests(
    PostgreSQLTestCase, test_runpermalinks.DatabaseRunPermalinkStoreTests
):
    pass


class PostgreSQLFileStoreTests(PostgreSQLTestCase, test_files.DatabaseFileStoreTests):
    pass


class PostgreSQLRoomTests(PostgreSQLTestCase, test_room.RoomTests):
    pass


class PostgreSQLOutageTests(PostgreSQLTestCase):
    """The server stops, hangs and comes back; the database's time is the test's."""

    def setUp(self) -> None:
        super().setUp()
        self.database = self.open_upgraded()
        self.result(self.database.write(test_database.put("before")))

    def until_back(self) -> None:
        """Ask the server until it answers."""
        while self.database.outage.lasts:
            self.reactor.clock.advance(INTERVAL)
            self.result(self.database.compute(lambda: None))

    def names(self) -> list[str]:
        return list(self.result(self.database.read(test_database.names)))

    def test_connections_that_were_cut_are_made_anew(self) -> None:
        with self.server.connect("postgres") as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'sagecell-tx'"
            )
        assert self.names() == ["before"]

    def test_a_connection_that_is_cut_in_a_transaction(self) -> None:
        def work(connection: Connection) -> None:
            test_database.put("half")(connection)
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            with self.server.connect("postgres") as other:
                other.execute("SELECT pg_terminate_backend(%s)", (pid,))
            connection.exec_driver_sql("SELECT 1")

        with pytest.raises(StoreAway):
            self.result(self.database.write(work))
        self.until_back()
        assert self.names() == ["before"]

    def test_a_server_that_hangs_holds_no_thread(self) -> None:
        self.server.suspend()
        try:
            asked = [self.database.read(test_database.names) for _ in range(20)]
            write = self.database.write(test_database.put("late"))
            late = self.database.write(test_database.put("later"))
            self.reactor.clock.advance(PATIENCE)
            for each in [*asked, write, late]:
                with pytest.raises(StoreAway):
                    self.result(each)
            assert self.database.outage.lasts
            # Nobody waits any more, and no thread does.
            self.failureResultOf(self.database.read(test_database.names), StoreAway)
            assert self.result(self.database.compute(lambda: "free")) == "free"
        finally:
            self.server.resume()
        self.until_back()
        assert self.names()[0] == "before"

    def test_a_server_that_is_not_there(self) -> None:
        missing = open_database("postgresql://cells@127.0.0.1:1/cells", reactor=self.reactor)
        self.addCleanup(lambda: self.result(missing.close()))
        with pytest.raises(ConfigError, match=r"^database: .*port 1 failed: Connection refused$"):
            missing.upgrade()
        with pytest.raises(StoreAway):
            self.result(missing.read(test_database.names))
        assert missing.outage.lasts

    def test_a_wrong_password_and_a_database_that_is_not_there(self) -> None:
        for url, why in (
            (self.server.tcp_url("postgres", "wrong password"), "password authentication failed"),
            (self.server.tcp_url("nothing"), 'database "nothing" does not exist'),
        ):
            database = open_database(url, reactor=self.reactor)
            with pytest.raises(ConfigError, match=why) as refused:
                database.upgrade()
            self.result(database.close())
            assert "wrong password" not in str(refused.value)
            assert "\n" not in str(refused.value)

    def test_a_database_in_another_encoding_is_refused(self) -> None:
        with self.server.connect("postgres") as other:
            other.execute("CREATE DATABASE latin ENCODING LATIN1 TEMPLATE template0 LOCALE 'C'")
        database = open_database(self.server.url("latin"), reactor=self.reactor)
        self.addCleanup(lambda: self.result(database.close()))
        with pytest.raises(ConfigError, match="its encoding is LATIN1"):
            database.upgrade()

    def test_a_transaction_of_a_process_that_is_gone_is_ended(self) -> None:
        """Its process is suspended, and the server ends it after a time that it was told."""
        url = self.server.url("postgres", options="-c idle_in_transaction_session_timeout=100")
        gone = open_database(url, reactor=self.reactor)
        self.addCleanup(lambda: self.result(gone.close()))
        begun, ended = threading.Event(), threading.Event()

        def work(connection: Connection) -> None:
            begun.set()  # it has the lock
            assert ended.wait(30)
            connection.exec_driver_sql("SELECT 1")

        late = gone.write(work)
        assert begun.wait(30)
        # A write of another process, which would wait for its lock for ever.
        self.result(self.database.write(test_database.put("after")))
        ended.set()
        with pytest.raises(StoreAway):
            self.result(late)


class TogetherTests(PostgreSQLTestCase):
    """Several web processes on one database."""

    def setUp(self) -> None:
        super().setUp()
        self.database = self.open_upgraded()

    def store(self, total: int = 0) -> DatabaseFileStore:
        """The store of another process, in which nothing is shared but the database."""
        return DatabaseFileStore(
            database=self.open_upgraded(), now=lambda: 0.0, entropy=os.urandom, total=total
        )

    def count(self, table: Table) -> int:
        """How many rows a table has."""
        query = select(func.count()).select_from(table)
        return self.result(self.database.read(lambda connection: connection.scalar(query) or 0))

    def test_they_have_one_total(self) -> None:
        stores = [self.store(total=10 * (20_000 + ENTRY)) for _ in range(3)]
        commits = []
        for number in range(60):
            upload = stores[number % 3].upload("k", str(number), 0.0)
            self.result(upload.write(os.urandom(20_000)))
            commits.append(upload.commit())
        for commit in commits:
            self.result(commit)
            assert self.count(files) <= 10

    def test_sweeps_and_commits_at_once_leave_whole_files(self) -> None:
        """A sweep must not delete contents that another process is giving to a new file."""
        stores = [self.store() for _ in range(3)]
        asked: list[Deferred[Any]] = []
        for number in range(30):
            upload = stores[number % 2].upload("k", "same name", 0.0)
            self.result(upload.write(bytes([number % 3]) * (CHUNK + 1)))
            asked += [upload.commit(), stores[2].sweep(-1.0)]
        for each in asked:
            self.result(each)
        file = self.result(stores[0].find("k", "same name"))
        assert file is not None
        read = [self.result(stores[1].read(file, start, CHUNK)) for start in (0, CHUNK)]
        assert hashlib.sha256(b"".join(read)).hexdigest() == file.digest
        assert self.count(chunks) <= 2 * 3
