"""Files in a database."""

import os
import tracemalloc
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select
from twisted.internet.defer import CancelledError, Deferred

from sagecell_tx.sessions.interfaces import FileRefused, FileStore, StoreAway, StoreUnavailable
from sagecell_tx.store.files import DatabaseFileStore, delete_files
from sagecell_tx.store.schema import blobs, chunks, files
from sagecell_tx.store.uploads import CHUNK
from tests.store.contracts import KERNEL, OTHER_KERNEL, FileStoreContract
from tests.store.waiting import WaitingTestCase

MIB = 1024 * 1024


class DatabaseFileStoreTests(FileStoreContract, WaitingTestCase):
    def setUp(self):
        super().setUp()
        self.now = 0.0
        self.database = self.open_upgraded(busy_timeout=0.02)
        self.real = self.started()
        self.files: FileStore = self.real

    def started(self, total: int = 0):
        """A store as the next start of the server would have it."""
        return DatabaseFileStore(
            database=self.database, now=lambda: self.now, entropy=os.urandom, total=total
        )

    def bounded(self, total: int):
        self.files = self.real = self.started(total)

    def counts(self):
        """How many rows of blobs, chunks and files there are."""

        def count(connection):
            return tuple(
                connection.scalar(select(func.count()).select_from(table))
                for table in (blobs, chunks, files)
            )

        return self.result(self.database.read(count))

    def test_contents_are_stored_once(self):
        self.store(b"same", name="a")
        self.store(b"same", name="b")
        self.store(b"same", name="a", kernel_id=OTHER_KERNEL)
        assert self.counts() == (1, 1, 3)

    def test_many_small_writes_become_few_rows(self):
        self.store(*[b"x"] * 50, name="small")
        assert self.counts() == (1, 1, 1)
        self.store(b"y" * (CHUNK - 1), b"y", b"y" * (2 * CHUNK + 1), name="large")
        assert self.counts() == (2, 5, 2)

    def test_less_than_a_row_waits_for_more(self):
        done = self.another_writes()
        upload = self.files.upload(KERNEL, "plot.png", 0.0)
        for _ in range(4):
            assert self.successResultOf(upload.write(b"x" * (CHUNK // 5))) is None
        done()
        self.result(upload.write(b"x" * (CHUNK // 4)))
        assert self.counts() == (1, 1, 0)
        self.result(upload.commit())
        assert self.counts() == (1, 2, 1)

    def test_an_abandoned_upload_leaves_nothing(self):
        upload = self.files.upload(KERNEL, "plot.png", 0.0)
        self.result(upload.write(b"x" * 2 * CHUNK))
        assert self.counts() == (1, 2, 0)
        self.result(upload.abandon())
        assert self.counts() == (0, 0, 0)

    def test_everything_swept_leaves_nothing(self):
        for number in range(20):
            self.store(b"%d" % number, name=str(number))
        self.now = 1.0
        assert self.result(self.files.sweep(0.5)) == 20
        assert self.counts() == (0, 0, 0)

    def test_one_transaction_of_a_sweep_deletes_no_more_than_some_files(self):
        """PostgreSQL ends a statement after some seconds, and nothing would ever be deleted."""
        for number in range(102):
            self.store(b"x", name=f"f{number}")
        assert self.result(self.database.write(partial(delete_files, before=1e9))) == 100
        assert self.result(self.files.sweep(1e9)) == 2

    def test_a_crash_between_write_and_commit_leaves_no_file(self):
        kept = self.store(b"kept", name="kept")
        crashed = self.files.upload(KERNEL, "plot.png", 0.0)
        self.result(crashed.write(b"x" * 3 * CHUNK))
        self.now = 1.0
        after_crash = self.started()
        assert self.result(after_crash.find(KERNEL, "plot.png")) is None
        self.result(after_crash.forget_uploads(self.now))
        assert self.counts() == (1, 1, 1)
        assert self.contents(kept) == b"kept"

    def test_a_crash_in_the_middle_of_a_sweep_is_made_up_for(self):
        contents = b"x" * 70 * CHUNK
        self.store(contents)
        self.store(b"in its place")
        sweep = self.files.sweep(0.0)
        for _ in range(2):  # each turn lets one of the sweep's writes go first
            self.result(self.database.write(lambda connection: None))
        sweep.cancel()
        with pytest.raises(CancelledError):
            self.result(sweep)
        self.result(self.database.write(lambda connection: None))
        assert self.counts() == (2, 70 - 64 + 1, 1)
        again = self.store(contents, name="again")
        self.now = 1.0
        self.result(self.started().forget_uploads(self.now))
        assert self.counts() == (2, 70 + 1, 2)
        assert self.contents(again) == contents

    def test_a_sweep_also_deletes_what_a_crash_left(self):
        self.result(self.files.upload(KERNEL, "plot.png", 0.0).write(b"x" * CHUNK))
        self.now = 10.0
        assert self.result(self.started().sweep(0.0)) == 0
        assert self.counts() == (1, 1, 0)
        assert self.result(self.started().sweep(5.0)) == 0
        assert self.counts() == (0, 0, 0)

    def test_an_upload_taken_for_dead_fails_and_stores_nothing(self):
        upload = self.files.upload(KERNEL, "plot.png", 0.0)
        other = self.files.upload(KERNEL, "other", 0.0)
        self.result(upload.write(b"x" * CHUNK))
        self.result(other.write(b"x" * CHUNK))
        self.now = 1.0
        self.result(self.started().forget_uploads(self.now))
        for late in (upload.write(b"y" * CHUNK), other.commit()):
            with pytest.raises(StoreUnavailable):
                self.result(late)
        self.result(upload.abandon())
        assert self.counts() == (0, 0, 0)
        assert len(self.flushLoggedErrors()) == 2

    def test_an_upload_that_is_being_deleted_cannot_be_committed(self):
        upload = self.files.upload(KERNEL, "plot.png", 0.0)
        self.result(upload.write(b"x" * 70 * CHUNK))
        self.now = 1.0
        forgetting = self.started().forget_uploads(self.now)
        commit = upload.commit()  # its turn comes in the middle of the deletion
        with pytest.raises(StoreUnavailable):
            self.result(commit)
        self.result(forgetting)
        assert self.counts() == (0, 0, 0)
        assert self.flushLoggedErrors()

    def test_an_upload_may_be_abandoned_after_a_write_that_failed(self):
        upload = self.files.upload(KERNEL, "plot.png", 0.0)
        self.result(upload.write(b"x" * CHUNK))
        done = self.another_writes()
        with pytest.raises(StoreUnavailable):
            self.result(upload.write(b"y" * CHUNK))
        self.result(upload.abandon())  # which cannot delete anything now either
        done()
        with pytest.raises(FileRefused):
            self.result(upload.commit())
        assert self.counts() == (1, 1, 0)
        self.now = 1.0
        self.result(self.files.sweep(self.now))
        assert self.counts() == (0, 0, 0)
        assert len(self.flushLoggedErrors()) == 2

    def test_after_a_write_that_failed_the_next_one_stores_all_of_it(self):
        upload = self.files.upload(KERNEL, "plot.png", 0.0)
        self.result(upload.write(b"x" * CHUNK))
        done = self.another_writes()
        with pytest.raises(StoreAway):
            self.result(upload.write(b"y" * CHUNK))
        done()
        self.result(upload.write(b"z"))
        assert self.contents(self.result(upload.commit())) == b"x" * CHUNK + b"y" * CHUNK + b"z"
        assert self.counts() == (1, 3, 1)
        assert len(self.flushLoggedErrors()) == 1

    def test_a_commit_that_failed_may_be_repeated(self):
        upload = self.files.upload(KERNEL, "plot.png", 0.0)
        self.result(upload.write(b"whole"))
        done = self.another_writes()
        with pytest.raises(StoreAway):
            self.result(upload.commit())
        with pytest.raises(FileRefused):
            self.result(upload.write(b"more"))
        done()
        assert self.contents(self.result(upload.commit())) == b"whole"
        with pytest.raises(FileRefused):
            self.result(upload.commit())
        assert len(self.flushLoggedErrors()) == 1

    def test_a_transaction_that_was_committed_unnoticed_may_be_repeated(self):
        """As when the connection is lost before the server's answer comes."""
        for name, earlier in (("new", b""), ("known", b"x" * CHUNK + b"rest")):
            if earlier:
                self.store(earlier, name="earlier")
            upload = self.real.upload(KERNEL, name, 0.0)
            for work in (
                partial(upload._append, data=b"x" * CHUNK, at=0.0),
                partial(upload._append, data=b"x" * CHUNK, at=0.0),
                partial(upload._settle, rest=b"x" * CHUNK + b"rest", at=0.0),
                partial(upload._settle, rest=b"x" * CHUNK + b"rest", at=0.0),
            ):
                file = self.result(self.database.write(work))
            assert self.contents(file) == b"x" * CHUNK + b"rest"
            assert self.counts()[:2] == (1, 2)

    def test_a_cancelled_write_ends_the_upload(self):
        upload = self.files.upload(KERNEL, "plot.png", 0.0)
        write = upload.write(b"x" * CHUNK)
        write.cancel()
        with pytest.raises(CancelledError):
            self.result(write)
        with pytest.raises(FileRefused):
            self.result(upload.commit())
        self.result(upload.abandon())
        assert self.counts() == (0, 0, 0)

    def test_a_cancelled_commit_may_be_abandoned(self):
        upload = self.files.upload(KERNEL, "plot.png", 0.0)
        self.result(upload.write(b"whole"))
        commit = upload.commit()
        commit.cancel()
        with pytest.raises(CancelledError):
            self.result(commit)
        self.result(upload.abandon())
        assert self.contents(self.result(self.files.find(KERNEL, "plot.png"))) == b"whole"

    def test_many_sessions_at_once(self):
        contents = [bytes([n % 3]) * CHUNK * 2 for n in range(12)]
        uploads = [self.files.upload(KERNEL, str(n), 0.0) for n in range(12)]
        asked: list[Deferred[Any]] = []
        for upload, data in zip(uploads, contents, strict=True):
            asked += [upload.write(data[:CHUNK]), upload.write(data[CHUNK:]), upload.commit()]
            asked.append(self.files.sweep(self.now))
        for deferred in asked:
            self.result(deferred)
        for n, data in enumerate(contents):
            assert self.contents(self.result(self.files.find(KERNEL, str(n)))) == data
        assert self.counts() == (3, 6, 12)

    def test_a_large_file_is_never_whole_in_memory(self):
        part = os.urandom(MIB)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        upload = self.files.upload(KERNEL, "large", 0.0)
        for _ in range(20):
            self.result(upload.write(part))
        stored = self.result(upload.commit())
        offset = 0
        while data := self.result(self.files.read(stored, offset, 1 << 30)):
            assert data == part[offset % MIB :][: len(data)]
            offset += len(data)
        _, peak = tracemalloc.get_traced_memory()
        assert offset == stored.size == 20 * MIB
        assert peak < 4 * MIB
