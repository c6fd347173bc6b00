"""Files and permalinks of runs that come while the database is away."""

from __future__ import annotations

import os
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from sagecell_tx.sessions.admission.storagebudgets import ENTRY
from sagecell_tx.sessions.interfaces import (
    CellStore,
    FileRefused,
    FileStore,
    Permalink,
    StoreAway,
    StoredFile,
)
from sagecell_tx.store.disk import FULL, Disk
from sagecell_tx.store.files import DatabaseFileStore
from sagecell_tx.store.outage import Outage
from sagecell_tx.store.permalinks import DatabaseCellStore
from sagecell_tx.store.runpermalinks import DatabaseRunPermalinkStore
from sagecell_tx.store.uploads import CHUNK
from sagecell_tx.store.waiting.files import WaitingFileStore
from sagecell_tx.store.waiting.retries import INTERVAL, Retries
from sagecell_tx.store.waiting.runpermalinks import WaitingRunPermalinkStore
from tests.store.contracts import (
    HELLO,
    KERNEL,
    RUN_SECONDS,
    FileStoreContract,
    RunPermalinkStoreContract,
)
from tests.store.waiting import WaitingTestCase

#: Bytes of one session, and seconds, that files may wait.
MOST, SECONDS = 4 * CHUNK, 30.0


class AwayTestCase(WaitingTestCase):
    """A database that can be away."""

    most = MOST  # bytes of all

    def setUp(self) -> None:
        super().setUp()
        self.now = 0.0
        self.database = self.open_upgraded()
        clock: Any = self.reactor
        self.retries = Retries(clock=clock, most=self.most, seconds=SECONDS)
        self.answers: list[Deferred[None]] = []

    def go_away(self) -> None:
        """From now on every transaction fails, and the server does not answer."""
        ask = self.database.outage._ask

        def answer() -> Deferred[None]:
            waiting: Deferred[None] = Deferred()
            self.answers.append(waiting)
            return waiting.addCallback(lambda _: ask())

        clock: Any = self.reactor
        self.database.outage = Outage(clock=clock, ask=answer)
        self.database.outage.begin("gone")
        self.reactor.clock.advance(0)

    def come_back(self) -> None:
        """The server answers."""
        self.answers.pop().callback(None)
        self.result(self.database.compute(lambda: None))  # it is asked in a thread
        while self.database.outage.lasts:
            self.result(self.database.compute(lambda: None))


class WaitingFileStoreTests(FileStoreContract, AwayTestCase):
    """What every store promises, and what it does while the database is away."""

    most = 2 * MOST  # one session may have as much as is left for others

    def setUp(self) -> None:
        super().setUp()
        self.bounded(0)
        self.lost: list[str] = []

    def bounded(self, total: int) -> None:
        files = DatabaseFileStore(
            database=self.database, now=lambda: self.now, entropy=os.urandom, total=total
        )
        self.real = files
        self.waiting = WaitingFileStore(files=files, retries=self.retries)
        self.files: FileStore = self.waiting

    def upload(self, *parts: bytes, name: str = "plot.png") -> StoredFile:
        upload = self.waiting.upload(KERNEL, name, 5.0, self.lost.append)
        for part in parts:
            self.result(upload.write(part))
        file: StoredFile = self.result(upload.commit())
        return file

    def retry(self) -> None:
        """Let a round of retries pass, to its end."""
        self.reactor.clock.advance(INTERVAL)
        while self.retries._round is not None:
            self.result(self.database.compute(lambda: None))

    def test_a_file_that_comes_meanwhile_is_found_at_once_and_stored_later(self) -> None:
        self.go_away()
        file = self.upload(b"x" * CHUNK, b"rest")
        assert (file.size, file.mtime) == (CHUNK + 4, 5.0)
        assert self.result(self.files.find(KERNEL, "plot.png")) == file
        assert self.contents(file) == b"x" * CHUNK + b"rest"
        with pytest.raises(StoreAway):
            self.result(self.real.find(KERNEL, "plot.png"))
        self.come_back()
        self.retry()
        assert self.result(self.real.find(KERNEL, "plot.png")) == file
        assert self.contents(file) == b"x" * CHUNK + b"rest"
        assert self.retries.held == 0
        assert self.lost == []

    def test_a_file_that_had_begun_before_is_whole(self) -> None:
        upload = self.waiting.upload(KERNEL, "plot.png", 0.0)
        self.result(upload.write(b"x" * CHUNK))
        self.go_away()
        self.result(upload.write(b"y" * CHUNK))
        file = self.result(upload.commit())
        with pytest.raises(StoreAway):
            self.result(self.files.read(file, 0, 10))  # its first part is in the database
        assert self.result(self.files.read(file, CHUNK, 1 << 30)) == b"y" * CHUNK
        self.come_back()
        assert self.contents(file) == b"x" * CHUNK + b"y" * CHUNK
        self.retry()
        assert self.contents(self.result(self.real.find(KERNEL, "plot.png"))) == self.contents(file)

    def test_the_bytes_that_wait_are_bounded(self) -> None:
        self.go_away()
        self.upload(b"x" * (3 * CHUNK), name="a")
        other = self.waiting.upload(KERNEL, "b", 0.0)
        with pytest.raises(StoreAway):
            self.result(other.write(b"y" * (2 * CHUNK)))
        self.result(other.abandon())
        assert self.result(self.files.find(KERNEL, "a")) is not None
        self.upload(b"z" * (CHUNK - 2 * ENTRY), name="c")

    def test_files_without_contents_are_bounded_as_well(self) -> None:
        self.go_away()
        for number in range(MOST // ENTRY):
            self.upload(b"", name=f"f{number}")
        with pytest.raises(StoreAway):
            self.upload(b"", name="one more")
        self.come_back()
        self.retry()
        assert self.retries.held == 0

    def test_an_upload_that_is_abandoned_makes_room(self) -> None:
        self.go_away()
        for _ in range(5):
            upload = self.waiting.upload(KERNEL, "a", 0.0)
            self.result(upload.write(b"x" * (3 * CHUNK)))
            self.result(upload.abandon())
        assert self.retries.held == 0

    def test_what_waits_for_too_long_is_told_to_its_session_and_the_log(self) -> None:
        self.go_away()
        self.upload(b"x")
        self.reactor.clock.advance(SECONDS + INTERVAL)
        assert self.lost == [
            "The file 'plot.png' could not be saved. The server's storage was away for too long."
        ]
        assert self.retries.held == 0
        self.come_back()
        assert self.result(self.files.find(KERNEL, "plot.png")) is None

    def test_a_disk_that_is_full_then_may_have_room_later(self) -> None:
        self.go_away()
        file = self.upload(b"x")
        backend: Any = self.database.backend
        enough, backend.disk = backend.disk, Disk(directory=self.directory, reserve=1 << 60)
        self.come_back()
        self.retry()
        assert self.result(self.files.find(KERNEL, "plot.png")) == file
        backend.disk = enough
        self.retry()
        assert self.result(self.real.find(KERNEL, "plot.png")) == file
        assert self.lost == []
        assert self.retries.held == 0

    def test_a_disk_that_stays_full_is_told_as_that(self) -> None:
        self.go_away()
        self.upload(b"x")
        backend: Any = self.database.backend
        backend.disk = Disk(directory=self.directory, reserve=1 << 60)
        self.come_back()
        self.retry()
        self.reactor.clock.advance(SECONDS)
        assert self.lost == [f"The file 'plot.png' could not be saved. {FULL}"]
        assert self.retries.held == 0

    def test_a_later_file_of_that_name_takes_its_place(self) -> None:
        self.go_away()
        self.upload(b"first")
        second = self.upload(b"second")
        self.come_back()
        assert self.contents(self.result(self.files.find(KERNEL, "plot.png"))) == b"second"
        third = self.upload(b"third")  # the database is back, and the second still waits
        self.retry()
        assert self.result(self.real.find(KERNEL, "plot.png")) == third
        assert self.lost == []
        assert self.retries.held == 0
        assert second.size == 6

    def test_an_upload_that_waits_ends_once(self) -> None:
        self.go_away()
        upload = self.waiting.upload(KERNEL, "plot.png", 0.0)
        self.result(upload.write(b"whole"))
        self.result(upload.commit())
        for too_late in (upload.commit, lambda: upload.write(b"more")):
            with pytest.raises(FileRefused):
                self.result(too_late())
        self.result(upload.abandon())
        assert self.result(self.files.find(KERNEL, "plot.png")) is not None

    def test_what_waits_is_stored_when_the_server_stops(self) -> None:
        self.waiting.startService()
        self.go_away()
        file = self.upload(b"x")
        self.come_back()
        self.result(self.waiting.stopService())
        assert self.result(self.real.find(KERNEL, "plot.png")) == file


class WaitingRunPermalinkStoreTests(RunPermalinkStoreContract, AwayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.runs = WaitingRunPermalinkStore(
            permalinks=DatabaseRunPermalinkStore(
                database=self.database, now=lambda: self.now, entropy=os.urandom
            ),
            retries=self.retries,
        )
        self.cells: CellStore = DatabaseCellStore(
            database=self.database,
            now=lambda: self.now,
            entropy=os.urandom,
            run_seconds=RUN_SECONDS,
        )

    def test_its_id_is_told_when_it_is_stored(self) -> None:
        self.go_away()
        save: Any = self.runs.save(HELLO, "one")
        self.assertNoResult(save)
        self.come_back()
        self.reactor.clock.advance(INTERVAL)
        ident = self.result(save)
        assert self.result(self.cells.find(ident)) == HELLO
        assert self.retries.held == 0

    def test_those_that_wait_are_bounded(self) -> None:
        self.go_away()
        saves = [self.runs.save(Permalink(code="x" * CHUNK), str(n)) for n in range(4)]
        self.failureResultOf(saves.pop(), StoreAway)
        self.reactor.clock.advance(SECONDS + INTERVAL)
        for save in saves:
            self.failureResultOf(save, StoreAway)
        assert self.retries.held == 0

    def test_who_cancels_gives_it_up(self) -> None:
        self.go_away()
        save = self.runs.save(HELLO, "one")
        save.addErrback(lambda _: None)
        save.cancel()
        assert self.retries.held == 0
