"""The space that the database leaves free on its disk."""

import os

import pytest
from twisted.logger import capturedLogs

from sagecell_tx.sessions.interfaces import Permalink, StoreFull
from sagecell_tx.store.disk import Disk, free_bytes
from sagecell_tx.store.files import DatabaseFileStore
from sagecell_tx.store.permalinks import DatabaseCellStore
from sagecell_tx.store.sqlite import SQLite
from sagecell_tx.store.uploads import CHUNK
from tests.store.waiting import WaitingTestCase

RESERVE = 1_000_000


class DiskTests(WaitingTestCase):
    def setUp(self):
        super().setUp()
        self.left = RESERVE
        self.database = self.open_upgraded()
        assert isinstance(self.database.backend, SQLite)
        self.database.backend.disk = Disk(
            directory=self.directory, reserve=RESERVE, free=lambda _: self.left
        )
        self.now = 0.0
        self.cells = DatabaseCellStore(
            database=self.database, now=lambda: self.now, entropy=os.urandom, run_seconds=0.0
        )
        self.files = DatabaseFileStore(
            database=self.database, now=lambda: self.now, entropy=os.urandom
        )

    def upload(self, size: int):
        upload = self.files.upload("k", "a", 0.0)
        self.result(upload.write(b"x" * size))
        self.result(upload.commit())

    def test_nothing_is_stored_beyond_the_reserve(self):
        ident = self.result(self.cells.save(Permalink(code="1")))
        self.left -= 1
        with pytest.raises(StoreFull):
            self.result(self.cells.save(Permalink(code="2")))
        for size in (1, CHUNK):
            with pytest.raises(StoreFull):
                self.upload(size)
        assert self.result(self.cells.find(ident)) == Permalink(code="1")
        self.left += 1
        assert self.result(self.cells.save(Permalink(code="2")))

    def test_an_upload_that_has_no_room_can_be_abandoned(self):
        upload = self.files.upload("k", "a", 0.0)
        self.result(upload.write(b"x" * CHUNK))
        self.left = 0
        with pytest.raises(StoreFull):
            self.result(upload.write(b"x" * CHUNK))
        self.result(upload.abandon())
        self.left = RESERVE
        self.upload(1)

    def test_what_was_deleted_leaves_room_in_the_file(self):
        self.now = 1.0
        self.upload(RESERVE + 100_000)
        self.left = 0
        with pytest.raises(StoreFull):
            self.upload(1)
        assert self.result(self.files.sweep(2.0)) == 1
        self.upload(1)

    def test_a_disk_that_is_full_all_the_same_is_a_line_in_the_log(self):
        def fill(connection):
            connection.exec_driver_sql("PRAGMA max_page_count = 1")  # no more than there are
            connection.exec_driver_sql("CREATE TABLE more AS SELECT randomblob(1000000)")

        with capturedLogs() as events, pytest.raises(StoreFull):
            self.result(self.database.store(fill))
        assert [event["log_format"] for event in events] == ["nothing more is stored: {why}"]


def test_the_real_disk(tmp_path):
    assert 0 < free_bytes(tmp_path) < 1 << 60
