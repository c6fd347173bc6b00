"""The limit on the total of files in a database, beyond the contract of all stores."""

import os
from collections.abc import Iterable
from functools import partial

from sqlalchemy import Connection, event, func, insert, select

from sagecell_tx.sessions.admission.storagebudgets import ENTRY
from sagecell_tx.store.files import DatabaseFileStore
from sagecell_tx.store.schema import blobs, chunks
from sagecell_tx.store.schema import files as table
from tests.store.contracts import TOTAL
from tests.store.waiting import WaitingTestCase

MIB = 1024 * 1024


class RoomTests(WaitingTestCase):
    def setUp(self):
        super().setUp()
        self.now = 0.0
        self.database = self.open_upgraded()

    def started(self, total: int) -> DatabaseFileStore:
        """A store as the next start of the server would have it."""
        return DatabaseFileStore(
            database=self.database, now=lambda: self.now, entropy=os.urandom, total=total
        )

    def store(self, files: DatabaseFileStore, name: str, contents: bytes):
        """Store a file, a second after the one before."""
        self.now += 1.0
        upload = files.upload("k", name, 0.0)
        self.result(upload.write(contents))
        self.result(upload.commit())

    def found(self, files: DatabaseFileStore, names: Iterable[str]) -> str:
        """Which of these files are there."""
        return "".join(name for name in names if self.result(files.find("k", name)))

    def contents(self) -> list[int | None]:
        """How many contents there are, and of how many rows."""
        counts = [select(func.count()).select_from(table) for table in (blobs, chunks)]
        return self.result(
            self.database.read(lambda connection: [connection.scalar(each) for each in counts])
        )

    def test_a_new_start_knows_what_is_stored(self):
        files = self.started(TOTAL)
        for name in "abcd":
            self.store(files, name, name.encode("ascii") * 20_000)
        files = self.started(TOTAL)
        self.store(files, "e", b"e" * 20_000)
        assert self.found(files, "abcde") == "cde"
        assert self.contents() == [3, 3]

    def test_after_a_sweep_it_is_counted_again(self):
        files = self.started(TOTAL)
        for name in "abcd":
            self.store(files, name, name.encode("ascii") * 20_000)
        assert self.result(files.sweep(3.0)) == 2
        for name in "ef":
            self.store(files, name, name.encode("ascii") * 20_000)
        assert self.found(files, "abcdef") == "cdef"

    def test_many_small_files_are_counted_once_and_not_for_each_batch(self):
        asked: list[str] = []
        engine = self.database.backend.engine

        @event.listens_for(engine, "before_cursor_execute")
        def count(connection, cursor, statement, *_):
            asked.append(statement)

        self.addCleanup(event.remove, engine, "before_cursor_execute", count)
        number = 5000
        files = self.started(number * ENTRY)
        self.result(self.database.write(partial(self.fill, number=number)))
        self.now = float(number)
        self.store(files, "new", b"new")
        assert self.found(files, ["0", "490", "510", "new"]) == "510new"
        assert sum("sum(blobs.size)" in statement for statement in asked) == 1

    def test_equal_contents_make_room_when_the_last_of_them_goes(self):
        files = self.started(5 * ENTRY + 40_000)
        for name in "abc":
            self.store(files, name, b"same" * 5_000)
        self.store(files, "d", b"d" * 15_000)
        self.store(files, "e", b"e" * 20_000)
        assert self.found(files, "abcde") == "de"
        assert self.contents() == [2, 2]

    @staticmethod
    def fill(connection: Connection, number: int):
        """Many files, each with the same empty contents, from the time 0 on."""
        connection.execute(insert(blobs).values(id="0", digest="0", size=0, created=0.0))
        connection.execute(
            insert(table).values(kernel_id="k", blob_id="0", mtime=0.0),
            [{"name": str(each), "created": float(each)} for each in range(number)],
        )

    def test_many_at_once_are_bounded_too(self):
        files = self.started(TOTAL)
        uploads = [files.upload("k", str(number), 0.0) for number in range(20)]
        for number, upload in enumerate(uploads):
            self.result(upload.write(bytes([number]) * 20_000))
        for commit in [upload.commit() for upload in uploads]:
            self.result(commit)
        (contents, _) = self.contents()
        assert contents is not None
        assert contents <= 4

    def test_a_commit_that_is_given_up_keeps_nobody_waiting(self):
        files = self.started(TOTAL)
        given_up = files.upload("k", "a", 0.0)
        self.result(given_up.write(b"a"))
        answer = given_up.commit()
        answer.addErrback(lambda _: None)
        answer.cancel()
        self.store(files, "b", b"b")
        assert "b" in self.found(files, "ab")


class SQLiteRoomTests(WaitingTestCase):
    def test_the_file_of_the_database_stays_within_bounds(self):
        files = DatabaseFileStore(
            database=self.open_upgraded(), now=lambda: 0.0, entropy=os.urandom, total=10 * MIB
        )
        for number in range(60):
            upload = files.upload("k", str(number), 0.0)
            self.result(upload.write(os.urandom(MIB)))
            self.result(upload.commit())
        assert (self.directory / "sagecell.db").stat().st_size < 14 * MIB
