"""Permalinks in a database."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, insert, select
from twisted.internet.defer import CancelledError

from sagecell_tx.sessions.interfaces import CellStore, Permalink, StoreUnavailable
from sagecell_tx.store.permalinks import DatabaseCellStore, permalink_ident
from sagecell_tx.store.schema import permalinks, secrets
from tests.store.contracts import HELLO, CellStoreContract
from tests.store.waiting import WaitingTestCase

NOON = 1_767_268_800.0  # 2026-01-01 12:00 UTC


def put(connection, row):
    connection.execute(insert(permalinks).values(row))


class DatabaseCellStoreTests(CellStoreContract, WaitingTestCase):
    def setUp(self):
        super().setUp()
        self.database = self.open_upgraded(busy_timeout=0.02)
        self.now = NOON
        self.cells: CellStore = self.on(self.database)

    def on(self, database, key=b"k"):
        return DatabaseCellStore(
            database=database,
            now=lambda: self.now,
            entropy=lambda size: key * size,
            run_seconds=1000.0,
        )

    def rows(self, query):
        """The rows as the last write left them."""
        return self.result(self.database.write(lambda connection: connection.execute(query).all()))

    def test_links_outlive_the_process(self):
        ident = self.result(self.cells.save(HELLO))
        later = self.on(self.open_upgraded(), key=b"another")
        assert self.result(later.find(ident)) == HELLO
        assert self.result(later.save(HELLO)) == ident

    def test_the_key_is_made_once_and_kept(self):
        saves = [self.on(self.open(), key=key).save(HELLO) for key in (b"a", b"b", b"c")]
        assert len({self.result(save) for save in saves}) == 1
        ((key,),) = self.rows(select(secrets.c.value))
        assert key in {b"a" * 32, b"b" * 32, b"c" * 32}

    def test_another_server_gives_other_ids(self):
        assert permalink_ident(b"a", HELLO) != permalink_ident(b"b", HELLO)

    def test_old_ids_resolve(self):
        """contract: 9, T15"""
        for ident in ("zxcvbn", "7f9c2ba4-e88f-4f2a-a1f3-1c5a4bf2d0a5"):
            row = {"ident": ident, "code": "1+1", "language": "gap", "interacts": "[2]"}
            self.result(self.database.write(partial(put, row=row)))
            assert self.result(self.cells.find(ident)) == Permalink(
                code="1+1", language="gap", interacts="[2]"
            )

    def test_old_rows_may_have_gaps(self):
        self.result(self.database.write(partial(put, row={"ident": "zxcvbn"})))
        assert self.result(self.cells.find("zxcvbn")) == Permalink(code="")
        ((requested,),) = self.rows(select(permalinks.c.requested))
        assert requested == 1

    def test_who_asked_is_counted(self):
        ident = self.result(self.cells.save(HELLO))
        self.now += 60.0
        finds = [self.cells.find(ident) for _ in range(5)]
        for find in finds:
            self.result(find)
        self.rows(select(permalinks))  # after the first find's count comes that of the others
        (row,) = self.rows(select(permalinks))
        assert row.requested == 5
        assert row.created.isoformat() == "2026-01-01T12:00:00"
        assert row.last_accessed.isoformat() == "2026-01-01T12:01:00"

    def test_saving_again_changes_nothing(self):
        self.result(self.cells.save(HELLO))
        before = self.rows(select(permalinks))
        self.now += 60.0
        self.result(self.cells.save(HELLO))
        assert self.rows(select(permalinks)) == before

    def test_links_resolve_while_somebody_else_writes(self):
        ident = self.result(self.cells.save(HELLO))
        done = self.another_writes()
        assert self.result(self.cells.find(ident)) == HELLO
        with pytest.raises(StoreUnavailable):
            self.result(self.cells.save(Permalink(code="2")))
        done()
        assert self.result(self.cells.save(HELLO)) == ident
        assert self.flushLoggedErrors()

    def test_permalinks_that_are_opened_while_somebody_else_writes_are_counted_later(self):
        first, second = (self.result(self.cells.save(Permalink(code=code))) for code in "12")
        done = self.another_writes()
        self.result(self.cells.find(first))
        with pytest.raises(StoreUnavailable):
            self.result(self.cells.save(Permalink(code="3")))  # after the count
        done()
        self.result(self.cells.find(second))
        counts = self.rows(select(permalinks.c.ident, permalinks.c.requested))
        assert {(first, 1), (second, 1)} <= set(map(tuple, counts))
        assert self.flushLoggedErrors()

    def test_many_that_could_not_be_counted_are_counted_in_several_transactions(self):
        idents = [self.result(self.cells.save(Permalink(code=str(n)))) for n in range(250)]
        done = self.another_writes()
        for ident in idents:
            self.result(self.cells.find(ident))
        with pytest.raises(StoreUnavailable):
            self.result(self.cells.save(Permalink(code="-1")))  # after the count
        done()
        self.result(self.cells.find(idents[0]))
        counted = select(func.count()).select_from(permalinks).where(permalinks.c.requested > 0)
        # Each of these is read after one transaction of counts.
        assert [self.rows(counted)[0][0] for _ in range(3)] == [100, 200, 250]
        assert self.flushLoggedErrors()

    def test_cancelling_gives_up_the_answer_only(self):
        save = self.cells.save(HELLO)
        save.cancel()
        with pytest.raises(CancelledError):
            self.result(save)
        ident = self.result(self.cells.save(HELLO))
        assert self.result(self.cells.find(ident)) == HELLO


texts = st.text()


@given(st.tuples(texts, texts, texts), st.tuples(texts, texts, texts))
def test_ids_tell_programs_apart(one, other):
    def ident(texts):
        code, language, interacts = texts
        return permalink_ident(b"key", Permalink(code=code, language=language, interacts=interacts))

    assert (ident(one) == ident(other)) == (one == other)
