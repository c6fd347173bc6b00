"""The total of all files, in a database; what every store promises of it is in the contract."""

import os

from sqlalchemy import func, select

from sagecell_tx.store.files import DatabaseFileStore
from sagecell_tx.store.schema import blobs, chunks
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

    def found(self, files: DatabaseFileStore, names: str) -> str:
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

    def test_the_file_of_the_database_stays_within_bounds(self):
        files = self.started(10 * MIB)
        for number in range(60):
            self.store(files, str(number), os.urandom(MIB))
        assert (self.directory / "sagecell.db").stat().st_size < 14 * MIB

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
