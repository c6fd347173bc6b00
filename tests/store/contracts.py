"""What every `CellStore`, `RunPermalinkStore` and `FileStore` promises, in memory or in a database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from twisted.internet.defer import Deferred

from sagecell_tx.sessions.interfaces import (
    CellStore,
    FileRefused,
    FileStore,
    Permalink,
    RunPermalinkStore,
    StoredFile,
    StoreUnavailable,
)
from sagecell_tx.wire.messages import WireError

T = TypeVar("T")

KERNEL = "0f4cd2f4-f2b7-4a0c-9e0b-000000000001"
OTHER_KERNEL = "0f4cd2f4-f2b7-4a0c-9e0b-000000000002"
#: How long the permalinks of runs last, for `RunPermalinkStoreContract`.
RUN_SECONDS = 1000.0

HELLO = Permalink(code="print('héllo 🐍')\n", language="python", interacts='[{"n": 3}]')


class CellStoreContract:
    """Mixed into a test case that sets `cells` and `result`."""

    cells: CellStore
    result: Callable[[Deferred[Any]], Any]

    def test_what_was_saved_is_found(self):
        ident = self.result(self.cells.save(HELLO))
        assert self.result(self.cells.find(ident)) == HELLO

    def test_unknown_id(self):
        assert self.result(self.cells.find("aaaaaa")) is None

    def test_what_was_saved_is_kept(self):
        ident = self.result(self.cells.save(HELLO))
        assert self.result(self.cells.keep(ident)) is True
        assert self.result(self.cells.keep("aaaaaa")) is False

    def test_same_program_same_id(self):
        ident = self.result(self.cells.save(HELLO))
        assert self.result(self.cells.save(HELLO)) == ident
        assert self.result(self.cells.find(ident)) == HELLO

    def test_every_part_of_a_program_counts(self):
        programs = [
            Permalink(code="1"),
            Permalink(code="1", language="r"),
            Permalink(code="1r", language=""),
            Permalink(code="1", interacts="[1]"),
            Permalink(code=""),
        ]
        idents = [self.result(self.cells.save(program)) for program in programs]
        assert len(set(idents)) == len(programs)
        assert [self.result(self.cells.find(ident)) for ident in idents] == programs

    def test_ids_survive_urls_and_case(self):
        ident = self.result(self.cells.save(HELLO))
        assert len(ident) >= 22
        assert ident.isascii()
        assert ident.isalnum()
        assert ident == ident.lower()

    def test_long_programs(self):
        program = Permalink(code="x" * 2_000_000)
        assert self.result(self.cells.find(self.result(self.cells.save(program)))) == program

    def test_hostile_ids_are_not_found(self):
        for ident in ("", "\0", "a\0", "x" * 100_000, "\ud800", "' OR 1=1 --", "é", "a\nb"):
            assert self.result(self.cells.find(ident)) is None

    def test_text_that_is_none_is_refused(self):
        for program in (
            Permalink(code="\0"),
            Permalink(code="\ud800"),
            Permalink(code="1", language="\udfff"),
            Permalink(code="1", interacts="[\0]"),
        ):
            with pytest.raises(WireError) as refused:
                self.result(self.cells.save(program))
            assert refused.value.code == "invalid_text"


class RunPermalinkStoreContract:
    """Mixed into a test case that sets `runs`, `cells` and `result`; `now` is the store's clock."""

    runs: RunPermalinkStore
    cells: CellStore
    result: Callable[[Deferred[Any]], Any]
    now: float

    def save(self, permalink: Permalink = HELLO, client: str = "one") -> str:
        return str(self.result(self.runs.save(permalink, client)))

    def swept(self, before: float) -> int:
        return int(self.result(self.runs.sweep(before)))

    def test_a_program_that_was_run_is_found(self):
        ident = self.save()
        assert len(ident) == 26
        assert ident.isascii()
        assert ident.isalnum()
        assert self.result(self.cells.find(ident)) == HELLO

    def test_the_same_program_of_the_same_client_has_one_id(self):
        assert self.save() == self.save()
        assert self.swept(self.now + 1) == 1

    def test_clients_share_no_id(self):
        idents = {self.save(), self.save(client="two"), self.result(self.cells.save(HELLO))}
        assert len(idents) == 3
        assert self.swept(self.now + 1) == 2

    def test_every_part_of_a_program_makes_another_id(self):
        programs = [
            Permalink(code="1"),
            Permalink(code="1", language="r"),
            Permalink(code="1r", language=""),
            Permalink(code="1", interacts="[1]"),
        ]
        assert len({self.save(program) for program in programs}) == len(programs)

    def test_what_was_neither_opened_nor_shared_expires(self):
        self.now = 100.0
        old = self.save()
        self.now = 200.0
        young = self.save(Permalink(code="2"))
        assert self.swept(200.0) == 1
        assert self.result(self.cells.find(old)) is None
        assert self.result(self.cells.keep(old)) is False
        assert self.result(self.cells.find(young)) == Permalink(code="2")

    def test_an_expired_one_is_not_found_before_it_is_deleted(self):
        old, later = self.save(), self.save(Permalink(code="2"))
        self.now += RUN_SECONDS
        assert self.result(self.cells.find(later)) == Permalink(code="2")
        self.now += 1.0
        assert self.result(self.cells.find(old)) is None
        assert self.result(self.cells.keep(old)) is False
        assert self.result(self.cells.find(later)) == Permalink(code="2")
        assert self.save() == old
        assert self.result(self.cells.find(old)) == HELLO

    def test_a_program_that_is_run_again_lasts_as_long_again(self):
        self.now = 100.0
        ident = self.save()
        self.now = 200.0
        assert self.save() == ident
        assert self.swept(150.0) == 0
        assert self.swept(201.0) == 1

    def test_a_program_that_is_run_after_its_permalink_expired_is_stored_again(self):
        ident = self.save()
        assert self.swept(self.now + 1) == 1
        assert self.save() == ident
        assert self.result(self.cells.find(ident)) == HELLO

    def test_what_was_shared_stays(self):
        ident = self.save()
        assert self.result(self.cells.keep(ident)) is True
        assert self.result(self.cells.keep(ident)) is True
        assert self.swept(self.now + 1) == 0
        assert self.save() == ident
        assert self.swept(self.now + 1) == 0
        assert self.result(self.cells.find(ident)) == HELLO

    def test_saved_permalinks_stay(self):
        ident = self.result(self.cells.save(HELLO))
        assert self.result(self.cells.keep(ident)) is True
        assert self.swept(self.now + 1) == 0
        assert self.result(self.cells.find(ident)) == HELLO

    def test_only_permalinks_can_be_kept(self):
        for ident in ("aaaaaa", "", "\0", "x" * 100_000, "\ud800", "' OR 1=1 --"):
            assert self.result(self.cells.keep(ident)) is False

    def test_hostile_texts_and_names(self):
        for program in (Permalink(code="\0"), Permalink(code="1", interacts="\ud800")):
            with pytest.raises(WireError) as refused:
                self.save(program)
            assert refused.value.code == "invalid_text"
        assert self.save(client="\ud800\0") != self.save(client="\ud801\0")


#: Room for four files of 20,000 bytes.
TOTAL = 100_000


class FileStoreContract:
    """Mixed into a test case that sets `files` and `result`; `now` is the store's clock.

    `bounded` creates a store that keeps `total` bytes, in place of `files`.
    """

    files: FileStore
    bounded: Callable[[int], None]
    result: Callable[[Deferred[Any]], Any]
    now: float

    def store(self, *parts: bytes, kernel_id: str = KERNEL, name: str = "plot.png") -> StoredFile:
        """Upload a file in so many writes and commit it."""
        upload = self.files.upload(kernel_id, name, 1234.5)
        for part in parts:
            self.result(upload.write(part))
        file: StoredFile = self.result(upload.commit())
        return file

    def contents(self, file: StoredFile, offset: int = 0) -> bytes:
        """Read a file to its end, with as many reads as it takes."""
        parts = []
        while part := self.result(self.files.read(file, offset, 1 << 30)):
            parts.append(part)
            offset += len(part)
        return b"".join(parts)

    def test_what_was_stored_is_found(self):
        stored = self.store(b"a,b\n", b"1,2\n", name="tables/données.csv")
        assert stored == StoredFile(
            kernel_id=KERNEL,
            name="tables/données.csv",
            size=8,
            digest=hashlib.sha256(b"a,b\n1,2\n").hexdigest(),
            mtime=1234.5,
        )
        assert self.result(self.files.find(KERNEL, "tables/données.csv")) == stored
        assert self.contents(stored) == b"a,b\n1,2\n"

    def test_unknown_files(self):
        self.store(b"1")
        assert self.result(self.files.find(KERNEL, "other.png")) is None
        assert self.result(self.files.find(OTHER_KERNEL, "plot.png")) is None

    def test_hostile_names_are_not_found(self):
        for name in ("", "\0", "../plot.png", "/etc/passwd", "x" * 5000, "\ud800", "plot.png/"):
            assert self.result(self.files.find(KERNEL, name)) is None
        for kernel_id in ("", "\0", "\ud800", "x" * 5000):
            assert self.result(self.files.find(kernel_id, "plot.png")) is None

    def test_empty_file(self):
        stored = self.store()
        assert stored.size == 0
        assert self.result(self.files.find(KERNEL, "plot.png")) == stored
        assert self.contents(stored) == b""
        assert self.store(b"", name="other").digest == stored.digest

    def test_nothing_is_found_before_the_commit(self):
        upload = self.files.upload(KERNEL, "plot.png", 0.0)
        self.result(upload.write(b"half"))
        assert self.result(self.files.find(KERNEL, "plot.png")) is None
        self.result(upload.abandon())
        assert self.result(self.files.find(KERNEL, "plot.png")) is None

    def test_a_new_file_takes_the_place_of_the_old_one(self):
        self.store(b"old")
        half = self.files.upload(KERNEL, "plot.png", 0.0)
        self.result(half.write(b"half"))
        new = self.store(b"new")
        self.result(half.abandon())
        found = self.result(self.files.find(KERNEL, "plot.png"))
        assert found == new
        assert self.contents(found) == b"new"

    def test_an_upload_ends_once(self):
        upload = self.files.upload(KERNEL, "plot.png", 0.0)
        self.result(upload.write(b"whole"))
        stored = self.result(upload.commit())
        for too_late in (upload.commit, lambda: upload.write(b"more")):
            with pytest.raises(FileRefused):
                self.result(too_late())
        self.result(upload.abandon())
        assert self.contents(self.result(self.files.find(KERNEL, "plot.png"))) == b"whole"
        assert stored.size == 5

    def test_an_abandoned_upload_takes_no_more(self):
        upload = self.files.upload(KERNEL, "plot.png", 0.0)
        self.result(upload.abandon())
        self.result(upload.abandon())
        for too_late in (upload.commit, lambda: upload.write(b"more")):
            with pytest.raises(FileRefused):
                self.result(too_late())

    def test_the_same_contents_from_two_kernels(self):
        mine = self.files.upload(KERNEL, "a", 1.0)
        theirs = self.files.upload(OTHER_KERNEL, "b", 2.0)
        writes = [mine.write(b"same"), theirs.write(b"sa"), theirs.write(b"me")]
        for write in writes:
            self.result(write)
        commits = [mine.commit(), theirs.commit()]
        first, second = [self.result(commit) for commit in commits]
        assert first.digest == second.digest
        assert self.contents(first) == self.contents(second) == b"same"
        assert self.result(self.files.find(OTHER_KERNEL, "b")).mtime == 2.0

    def test_ranges(self):
        data = bytes(range(256)) * 3000  # three rows of the database
        stored = self.store(data[:100_000], data[100_000:700_001], data[700_001:])
        for offset, length in ((0, 1), (5, 10), (262_143, 1), (262_144, 7), (767_999, 10)):
            assert (
                self.result(self.files.read(stored, offset, length))
                == (data[offset : offset + length])
            )
        assert self.contents(stored, 262_100) == data[262_100:]
        across = self.result(self.files.read(stored, 262_140, 100))
        assert across
        assert data[262_140:].startswith(across)

    def test_nothing_is_past_the_end(self):
        stored = self.store(b"12345")
        for offset, length in ((5, 1), (6, 1), (2**80, 1), (0, 0)):
            assert self.result(self.files.read(stored, offset, length)) == b""

    def test_sweep_deletes_what_is_old(self):
        self.now = 100.0
        old = self.store(b"old", name="old")
        self.now = 200.0
        young = self.store(b"young", name="young")
        assert self.result(self.files.sweep(200.0)) == 1
        assert self.result(self.files.find(KERNEL, "old")) is None
        assert self.contents(self.result(self.files.find(KERNEL, "young"))) == b"young"
        with pytest.raises(StoreUnavailable):
            self.result(self.files.read(old, 0, 1))
        assert self.result(self.files.sweep(200.0)) == 0
        assert young.size == 5

    def test_sweep_keeps_contents_that_a_younger_file_shares(self):
        self.now = 100.0
        self.store(b"shared", name="old")
        self.now = 200.0
        young = self.store(b"shared", name="young")
        assert self.result(self.files.sweep(150.0)) == 1
        assert self.contents(young) == b"shared"

    def test_sweep_deletes_contents_that_were_replaced(self):
        replaced = self.store(b"first")
        kept = self.store(b"second")
        assert self.result(self.files.sweep(0.0)) == 0
        with pytest.raises(StoreUnavailable):
            self.result(self.files.read(replaced, 0, 1))
        assert self.contents(kept) == b"second"

    def test_sweep_leaves_uploads_under_way_alone(self):
        upload = self.files.upload(KERNEL, "slow", 0.0)
        self.result(upload.write(b"x" * 300_000))
        assert self.result(self.files.sweep(self.now + 1.0)) == 0
        self.result(upload.write(b"y"))
        assert self.contents(self.result(upload.commit())) == b"x" * 300_000 + b"y"

    # --- a total

    def fill(self, *names: str) -> dict[str, StoredFile]:
        """Store files of 20,000 bytes, one in each second; returns which are found in the end."""
        for name in names:
            self.now += 1.0
            self.store(name.encode("ascii") * 20_000, name=name)
        found = {name: self.result(self.files.find(KERNEL, name)) for name in names}
        return {name: file for name, file in found.items() if file is not None}

    def test_the_oldest_files_make_room(self):
        self.bounded(TOTAL)
        assert list(self.fill(*"abcd")) == list("abcd")
        left = self.fill("e")
        found = [name for name in "abcd" if self.result(self.files.find(KERNEL, name))]
        assert found == ["c", "d"]
        assert self.contents(left["e"]) == b"e" * 20_000

    def test_what_made_room_is_gone_and_gives_room(self):
        self.bounded(TOTAL)
        first = self.fill("a")["a"]
        for name in "bcdefghijk":
            assert name in self.fill(name)
        with pytest.raises(StoreUnavailable):
            self.result(self.files.read(first, 0, 1))

    def test_contents_that_younger_files_share_stay(self):
        self.bounded(TOTAL)
        self.now = 1.0
        self.store(b"a" * 20_000, name="old")
        self.fill(*"bc")
        self.now += 1.0
        shared = self.store(b"a" * 20_000, name="young")
        self.fill(*"de")
        assert self.result(self.files.find(KERNEL, "old")) is None
        assert self.contents(shared) == b"a" * 20_000

    def test_many_empty_files_take_room_too(self):
        self.bounded(TOTAL)
        for number in range(100):
            self.now += 1.0
            self.store(name=f"{number:03}")
        found = [self.result(self.files.find(KERNEL, f"{number:03}")) for number in range(100)]
        assert found[-1] is not None
        assert sum(file is not None for file in found) <= TOTAL // 4096

    def test_a_file_that_is_larger_than_all_of_it_is_refused(self):
        self.bounded(TOTAL)
        self.fill("a")
        with pytest.raises(FileRefused):
            self.store(b"x" * TOTAL, name="large")
        assert self.result(self.files.find(KERNEL, "a")) is not None
        assert self.result(self.files.find(KERNEL, "large")) is None
