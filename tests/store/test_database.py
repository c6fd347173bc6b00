"""The database behind the stores: threads, locks and errors."""

import gc
import re
import sqlite3
import sys
import threading
from functools import partial

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import OperationalError
from twisted.internet.defer import CancelledError, Deferred

from sagecell_tx.config import ConfigError
from sagecell_tx.sessions.interfaces import StoreUnavailable
from sagecell_tx.sessions.metrics import Latencies
from sagecell_tx.store.database import attempt, open_database
from sagecell_tx.store.schema import secrets
from tests.integration.waiting import until
from tests.store.waiting import PATIENCE, WaitingTestCase


def put(name):
    """Work that stores a row and returns its name."""

    def work(connection):
        connection.execute(insert(secrets).values(name=name, value=b""))
        return name

    return work


def put_nothing(name):
    """Work that fails."""
    return lambda connection: connection.execute(insert(secrets).values(name=name, value=None))


def names(connection):
    return connection.scalars(select(secrets.c.name).order_by(secrets.c.name)).all()


class DatabaseTests(WaitingTestCase):
    def setUp(self):
        super().setUp()
        self.database = self.open_upgraded(busy_timeout=0.02)

    def test_work_is_done_in_a_thread(self):
        thread = self.result(self.database.read(lambda connection: threading.get_ident()))
        assert thread != threading.get_ident()

    def test_what_was_written_is_read(self):
        assert self.result(self.database.write(put("a"))) == "a"
        assert self.result(self.database.read(names)) == ["a"]

    def test_writes_keep_their_order(self):
        order: list[int] = []

        def told(connection, n):
            order.append(n)

        writes = [self.database.write(partial(told, n=n)) for n in range(50)]
        for write in writes:
            self.result(write)
        assert order == list(range(50))

    def test_an_error_is_logged_without_what_was_to_be_stored(self):
        with pytest.raises(StoreUnavailable):
            self.result(self.database.write(put_nothing("a program")))
        (failure,) = self.flushLoggedErrors()
        assert "INSERT INTO secrets" in failure.getTraceback()
        assert "a program" not in failure.getTraceback()

    def test_transactions_are_timed(self):
        latencies = Latencies(lambda: 7.0)
        database = open_database(self.url(1.0), reactor=self.reactor, latencies=latencies)
        self.addCleanup(lambda: self.result(database.close()))
        self.result(database.ping())
        self.result(database.write(put("timed")))
        with pytest.raises(StoreUnavailable):
            self.result(database.write(put_nothing("failed")))
        self.flushLoggedErrors()
        counts = {name: taken.count for name, taken in latencies.taken.items()}
        assert counts == {"read": 1, "write": 2}
        assert latencies.failed["write"] == 1
        assert latencies.failed["read"] == 0

    def test_a_failed_transaction_leaves_nothing(self):
        def half(connection):
            put("half")(connection)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            self.result(self.database.write(half))
        assert self.result(self.database.read(names)) == []

    def test_reads_see_one_state_while_others_write(self):
        written = threading.Event()
        begun = threading.Event()

        def twice(connection):
            before = names(connection)
            begun.set()
            assert written.wait(PATIENCE)
            return before, names(connection)

        read = self.database.read(twice)
        assert begun.wait(PATIENCE)
        self.result(self.database.write(put("a")))
        written.set()
        assert self.result(read) == ([], [])

    def test_attempt_tells_whether_a_constraint_allows_it(self):
        row = insert(secrets).values(name="a", value=b"")

        def work(connection):
            return attempt(connection, row), attempt(connection, row), names(connection)

        assert self.result(self.database.write(work)) == (True, False, ["a"])

    def test_a_locked_database_is_unavailable_and_then_works_again(self):
        done = self.another_writes()
        with pytest.raises(StoreUnavailable, match="try again"):
            self.result(self.database.write(put("a")))
        assert self.result(self.database.read(names)) == []
        done()
        self.result(self.database.write(put("a")))
        assert self.result(self.database.read(names)) == ["a"]
        (logged,) = self.flushLoggedErrors()
        assert re.search("locked|lock timeout", logged.getErrorMessage())

    def test_who_waits_behind_a_write_that_could_not_be_done_does_not_wait_as_long_again(self):
        done = self.another_writes()
        for write in [self.database.write(put(name)) for name in "abcdef"]:
            with pytest.raises(StoreUnavailable, match="try again"):
                self.result(write)
        assert len(self.flushLoggedErrors()) == 1  # one was tried
        done()
        self.result(self.database.write(put("g")))
        assert self.result(self.database.read(names)) == ["g"]

    def test_a_read_that_fails_takes_no_write_along(self):
        begun, goes_on = threading.Event(), threading.Event()

        def slow(connection):
            begun.set()
            assert goes_on.wait(PATIENCE)
            return put("a")(connection)

        writes = [self.database.write(slow), self.database.write(put("b"))]
        assert begun.wait(PATIENCE)
        with pytest.raises(StoreUnavailable):
            self.result(
                self.database.read(
                    lambda connection: connection.scalar(text("SELECT 1 FROM nothing_there"))
                )
            )
        goes_on.set()
        assert [self.result(write) for write in writes] == ["a", "b"]
        assert len(self.flushLoggedErrors()) == 1

    def test_a_write_waits_for_another_process(self):
        patient = self.open(busy_timeout=20.0)
        done = self.another_writes()
        write = patient.write(put("a"))
        assert self.result(patient.read(names)) == []
        done()
        assert self.result(write) == "a"

    def test_cancelling_gives_up_the_answer_and_not_the_work(self):
        first, second = self.database.write(put("a")), self.database.write(put("b"))
        second.cancel()
        with pytest.raises(CancelledError):
            self.result(second)
        self.result(first)
        self.result(self.database.write(put("c")))
        assert self.result(self.database.read(names)) == ["a", "b", "c"]

    def test_closing_waits_for_what_is_under_way(self):
        write, read = self.database.write(put("a")), self.database.read(names)
        self.result(self.database.close())
        assert self.result(write) == "a"
        assert self.result(read) in ([], ["a"])

    def test_nothing_is_kept_of_what_was_answered(self):
        def deferreds():
            # Garbage of other tests may keep objects that only the next collection finds.
            for _ in range(4):
                gc.collect()
            return sum(issubclass(type(thing), Deferred) for thing in gc.get_objects())

        self.result(self.database.write(put("a")))
        before = deferreds()
        for _ in range(20):
            self.result(self.database.read(names))
        # A thread may have the last one for a moment. Fewer, if garbage of other tests is collected meanwhile.
        until(lambda: deferreds() <= before, seconds=PATIENCE)

    def test_nothing_is_asked_after_closing(self):
        self.result(self.database.close())
        for late in (self.database.read(names), self.database.write(put("a"))):
            with pytest.raises(StoreUnavailable, match="shutting down"):
                self.result(late)


class SQLiteTests(WaitingTestCase):
    def setUp(self):
        super().setUp()
        self.database = self.open_upgraded(busy_timeout=0.02)

    def test_sqlite_is_set_up(self):
        def pragma(name):
            return self.result(
                self.database.read(lambda connection: connection.scalar(text(f"PRAGMA {name}")))
            )

        assert pragma("journal_mode") == "wal"
        assert pragma("synchronous") == 1
        assert pragma("foreign_keys") == 1
        assert pragma("busy_timeout") == 20

    def test_kinds_of_errors(self):
        backend = self.database.backend

        def kind(code):
            orig = sqlite3.OperationalError("something")
            orig.sqlite_errorcode = code
            error = OperationalError("SELECT 1", None, orig)
            return backend.is_busy(error), backend.is_failing(error), backend.is_full(error)

        assert kind(sqlite3.SQLITE_BUSY) == kind(sqlite3.SQLITE_BUSY_SNAPSHOT)
        assert kind(sqlite3.SQLITE_LOCKED) == kind(sqlite3.SQLITE_BUSY) == (True, False, False)
        assert kind(sqlite3.SQLITE_IOERR_READ) == (False, True, False)
        assert kind(sqlite3.SQLITE_FULL) == (False, False, True)
        for code in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_INTERRUPT):
            assert kind(code) == (False, False, False)

    def test_closing_leaves_one_file(self):
        self.result(self.database.write(put("a")))
        self.result(self.database.close())
        assert [path.name for path in self.directory.iterdir()] == ["sagecell.db"]

    def test_a_file_that_is_no_database(self):
        self.result(self.database.close())
        (self.directory / "sagecell.db").write_bytes(b"not a database " * 1000)
        with pytest.raises(ConfigError, match=r"^database: "):
            self.open().upgrade()


class UrlTests(WaitingTestCase):
    def test_a_directory_that_is_missing(self):
        database = open_database(f"sqlite:///{self.directory}/missing/x.db", reactor=self.reactor)
        with pytest.raises(ConfigError, match=r"^database: "):
            database.upgrade()
        self.result(database.close())

    def test_a_driver_that_is_not_installed(self):
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, "psycopg", None)
            for url in ("postgresql://cells@db/cells", "postgresql+psycopg://cells@db/cells"):
                with pytest.raises(ConfigError, match=r"pip install 'sagecell-tx\[postgresql\]'$"):
                    open_database(url, reactor=self.reactor)

    def test_a_driver_that_is_not_supported(self):
        with pytest.raises(ConfigError, match=r"psycopg2 is not supported; write postgresql://"):
            open_database("postgresql+psycopg2://cells@db/cells", reactor=self.reactor)

    def test_what_no_database_can_be_behind(self):
        for url in ("", "nonsense", "sqlite://", "sqlite:///:memory:", "nosuch://host/db"):
            with pytest.raises(ConfigError, match=r"^database: "):
                open_database(url, reactor=self.reactor)
