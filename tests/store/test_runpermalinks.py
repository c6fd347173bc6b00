"""The permalinks of runs in a database."""

import os

import pytest
from sqlalchemy import func, select
from twisted.internet.defer import CancelledError

from sagecell_tx.sessions.interfaces import CellStore, Permalink, StoreUnavailable
from sagecell_tx.store.permalinks import DatabaseCellStore
from sagecell_tx.store.runpermalinks import ENTRY, WAITING, DatabaseRunPermalinkStore
from sagecell_tx.store.schema import permalinks, run_permalinks
from tests.store.contracts import HELLO, RUN_SECONDS, RunPermalinkStoreContract
from tests.store.waiting import WaitingTestCase

NOON = 1_767_268_800.0  # 2026-01-01 12:00 UTC


class DatabaseRunPermalinkStoreTests(RunPermalinkStoreContract, WaitingTestCase):
    def setUp(self):
        super().setUp()
        self.database = self.open_upgraded(busy_timeout=0.02)
        self.now = NOON
        self.runs = self.started()
        self.cells: CellStore = DatabaseCellStore(
            database=self.database,
            now=lambda: self.now,
            entropy=os.urandom,
            run_seconds=RUN_SECONDS,
        )

    def started(self, **bounds: int) -> DatabaseRunPermalinkStore:
        """A store as the next start of the server would have it."""
        return DatabaseRunPermalinkStore(
            database=self.database, now=lambda: self.now, entropy=os.urandom, **bounds
        )

    def rows(self, query):
        """The rows as the last write left them."""
        return self.result(self.database.write(lambda connection: connection.execute(query).all()))

    def count(self) -> int:
        ((count,),) = self.rows(select(func.count()).select_from(run_permalinks))
        return int(count)

    def found(self, idents: list[str]) -> list[int]:
        """Which of these are stored, without opening them."""
        rows = {row.ident for row in self.rows(select(run_permalinks.c.ident))}
        return [index for index, ident in enumerate(idents) if ident in rows]

    def test_what_was_opened_stays(self):
        ident = self.save()
        self.now += 60.0
        assert self.result(self.cells.find(ident)) == HELLO
        (row,) = self.rows(select(permalinks))
        assert (row.ident, row.code, row.requested) == (ident, HELLO.code, 1)
        assert row.created.isoformat() == "2026-01-01T12:00:00"
        assert row.last_accessed.isoformat() == "2026-01-01T12:01:00"
        assert self.swept(self.now + 1) == 0
        assert self.count() == 0

    def test_nothing_in_the_database_tells_who_ran_a_program(self):
        self.save(client="203.0.113.7 page")
        for row in self.rows(select(run_permalinks)):
            assert "203.0.113.7" not in repr(row)
        assert set(run_permalinks.c.keys()) == {
            "ident",
            "size",
            "created",
            "code",
            "language",
            "interacts",
        }

    def test_after_a_restart_the_same_program_has_another_id(self):
        assert self.save() != str(self.result(self.started().save(HELLO, "one")))

    def test_the_ids_in_memory_are_bounded(self):
        self.runs = self.started(most_known=2)
        first, second = self.save(client="1"), self.save(client="2")
        assert self.save(client="1") == first
        self.save(client="3")
        assert self.save(client="1") == first
        assert self.save(client="2") != second

    def test_the_oldest_make_room(self):
        size = 10_000
        self.runs = self.started(total=10 * (size + ENTRY))
        idents = []
        for number in range(11):
            self.now += 1.0
            idents.append(self.save(Permalink(code=f"{number:02}" + "x" * (size - 8))))
        assert self.found(idents) == list(range(2, 11))

    def test_a_new_start_counts_what_is_stored(self):
        self.runs = self.started(total=3 * (1000 + ENTRY))
        idents = []
        for number in range(3):
            self.now += 1.0
            idents.append(self.save(Permalink(code=f"{number}" + "x" * 993)))
        self.runs = self.started(total=3 * (1000 + ENTRY))
        self.now += 1.0
        idents.append(self.save(Permalink(code="3" + "x" * 993)))
        assert self.found(idents) == [2, 3]

    def test_shared_permalinks_never_make_room(self):
        shared = self.save(Permalink(code="shared"))
        self.result(self.cells.keep(shared))
        self.runs = self.started(total=2 * (1000 + ENTRY))
        for number in range(5):
            self.save(Permalink(code=f"{number}" + "x" * 900))
        assert self.count() <= 2
        assert self.result(self.cells.find(shared)) == Permalink(code="shared")

    def test_a_program_larger_than_the_total(self):
        self.runs = self.started(total=1000)
        with pytest.raises(StoreUnavailable, match="larger than"):
            self.save(Permalink(code="x" * 1000))

    def test_many_expire_in_several_transactions(self):
        for number in range(250):
            self.runs.save(Permalink(code=str(number)), "one")
            if not number % 50:
                self.save()
        assert self.save()
        assert self.swept(self.now + 1) == 251
        assert self.count() == 0

    def test_while_the_database_is_busy_few_wait(self):
        done = self.another_writes()
        saves = [self.runs.save(Permalink(code=str(n)), "one") for n in range(WAITING)]
        saves[0].cancel()  # it still waits for the database
        self.failureResultOf(saves.pop(0), CancelledError)
        self.failureResultOf(self.runs.save(HELLO, "one"), StoreUnavailable)
        for save in saves:
            with pytest.raises(StoreUnavailable):
                self.result(save)
        done()
        assert self.result(self.cells.find(self.save())) == HELLO
        assert self.flushLoggedErrors()
