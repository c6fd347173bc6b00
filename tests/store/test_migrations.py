"""The migrations build the tables of the schema."""

import py_compile
import shutil
import sqlite3
from threading import Thread, Timer

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from sagecell_tx.config import ConfigError
from sagecell_tx.sessions.interfaces import Permalink
from sagecell_tx.store.database import alembic_config
from sagecell_tx.store.permalinks import DatabaseCellStore
from sagecell_tx.store.runpermalinks import DatabaseRunPermalinkStore
from sagecell_tx.store.schema import metadata
from tests.store.waiting import WaitingTestCase

#: The version of the tables that this program needs.
LATEST = "0003"


def tables(connection):
    return set(inspect(connection).get_table_names())


def differences(connection):
    return compare_metadata(MigrationContext.configure(connection), metadata)


def version(connection):
    return connection.scalar(text("SELECT version_num FROM alembic_version"))


def journal(connection):
    return connection.scalar(text("PRAGMA journal_mode"))


def sql(statement):
    """Work that runs a statement."""

    def work(connection):
        connection.execute(text(statement))

    return work


def dump(connection):
    """All rows of all tables."""
    return {
        name: list(map(tuple, connection.execute(text(f"SELECT * FROM {name}"))))
        for name in sorted(tables(connection))
    }


class MigrationTests(WaitingTestCase):
    def test_from_nothing(self):
        database = self.open()
        assert self.result(database.read(tables)) == set()
        database.upgrade()
        assert self.result(database.read(tables)) == {*metadata.tables, "alembic_version"}
        assert self.result(database.read(version)) == LATEST

    def test_the_migrations_build_the_schema(self):
        assert self.result(self.open_upgraded().read(differences)) == []

    def test_differences_would_be_seen(self):
        database = self.open_upgraded()
        self.result(database.write(sql("ALTER TABLE files ADD COLUMN x TEXT")))
        self.result(database.write(sql("DROP INDEX ix_files_created")))
        assert len(self.result(database.read(differences))) == 2

    def test_again_changes_nothing(self):
        database = self.open_upgraded()
        self.result(database.write(sql("INSERT INTO totals VALUES ('a', 1, 2)")))
        before = self.result(database.read(dump))
        database.upgrade()
        assert self.result(database.read(dump)) == before

    def test_two_servers_starting_at_once(self):
        servers = [Thread(target=self.open().upgrade) for _ in range(3)]
        for server in servers:
            server.start()
        for server in servers:
            server.join()
        assert self.result(self.open().read(version)) == LATEST

    def test_sagemathcells_own_database_is_taken_over(self):
        """contract: 9"""
        database = self.open()
        for statement in (
            "CREATE TABLE permalinks (ident VARCHAR NOT NULL PRIMARY KEY, code VARCHAR,"
            " language VARCHAR, interacts VARCHAR, created TIMESTAMP, last_accessed TIMESTAMP,"
            " requested INTEGER)",
            "INSERT INTO permalinks VALUES ('zxcvbn', '1+1', 'sage', '[]',"
            " '2014-05-06 07:08:09.000000', '2014-05-06 07:08:09.000000', 7)",
        ):
            self.result(database.write(sql(statement)))
        database.upgrade()
        cells = DatabaseCellStore(
            database=database, now=lambda: 0.0, entropy=bytes, run_seconds=1000.0
        )
        assert self.result(cells.find("zxcvbn")) == Permalink(code="1+1")
        ident = self.result(cells.save(Permalink(code="2+2")))
        assert self.result(cells.find(ident)) == Permalink(code="2+2")

    def test_permalinks_of_the_first_version_stay(self):
        database = self.open()

        def first_version(connection):
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "0001")
            connection.execute(
                text("INSERT INTO permalinks (ident, code, language) VALUES ('abc', '1', 'gap')")
            )

        self.result(database.write(first_version))
        database.upgrade()
        assert self.result(database.read(version)) == LATEST
        cells = DatabaseCellStore(
            database=database, now=lambda: 0.0, entropy=bytes, run_seconds=1000.0
        )
        runs = DatabaseRunPermalinkStore(database=database, now=lambda: 0.0, entropy=bytes)
        assert self.result(runs.sweep(1e12)) == 0
        assert self.result(cells.find("abc")) == Permalink(code="1", language="gap")

    def test_a_database_of_a_later_program_is_refused(self):
        database = self.open_upgraded()
        self.result(database.write(sql("UPDATE alembic_version SET version_num = '9999'")))
        with pytest.raises(ConfigError, match="9999"):
            database.upgrade()

    def test_a_new_migration_can_be_begun(self):
        config = alembic_config()
        migrations = self.directory / "migrations"
        source = str(config.get_main_option("script_location"))
        # Python may be writing what it has compiled.
        shutil.copytree(source, migrations, ignore=shutil.ignore_patterns("__pycache__"))
        config.set_main_option("script_location", str(migrations))
        command.revision(config, "stored results", rev_id="0004")
        (path,) = migrations.glob("versions/0004_*.py")
        py_compile.compile(str(path), str(self.directory / "compiled"), doraise=True)
        assert "down_revision = '0003'" in path.read_text()


class SQLiteMigrationTests(WaitingTestCase):
    def test_another_program_is_writing_to_a_database_that_is_new(self):
        other = sqlite3.connect(
            self.directory / "sagecell.db", isolation_level=None, check_same_thread=False
        )
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE theirs (n INTEGER)")
        done = Timer(0.3, other.execute, ["COMMIT"])
        done.start()
        self.addCleanup(done.join)
        database = self.open_upgraded()
        assert self.result(database.read(version)) == LATEST
        assert self.result(database.read(journal)) == "wal"
