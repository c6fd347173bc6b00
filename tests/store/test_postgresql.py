"""The stores on a real PostgreSQL: what they promise on SQLite, they promise there as well."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

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
