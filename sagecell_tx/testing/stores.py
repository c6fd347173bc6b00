"""Permalinks and files in memory: implementations of the stores in dictionaries.

Every Deferred here has fired when it is returned. tests/store runs one contract suite on
these and on the database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from math import inf

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed

from sagecell_tx.sessions.admission.storagebudgets import ENTRY
from sagecell_tx.sessions.interfaces import (
    FileRefused,
    OnLost,
    Permalink,
    StoredFile,
    StoreUnavailable,
    tell_nobody,
)
from sagecell_tx.store.files import TOO_LARGE
from sagecell_tx.store.permalinks import check_permalink, permalink_ident
from sagecell_tx.store.room import LEFT
from sagecell_tx.store.uploads import CHUNK, FILE_GONE, UPLOAD_ENDED
from sagecell_tx.wire.messages import WireError


@define(kw_only=True, eq=False)
class MemoryCellStore:
    """A `CellStore` in a dictionary; `permalinks` may be filled and read by a test.

    `of_runs` has those of runs, with the times at which they were last saved. They are found for
    `run_seconds`; `now` is in seconds since the epoch.
    """

    now: Callable[[], float] = field(factory=lambda: float)  # always 0.0
    run_seconds: float = inf
    permalinks: dict[str, Permalink] = field(factory=dict)
    of_runs: dict[str, tuple[Permalink, float]] = field(factory=dict)
    _key: bytes = b"not a secret"

    def save(self, permalink: Permalink) -> Deferred[str]:
        """See `CellStore`. Fails with `WireError` for text that no database can hold."""
        try:
            check_permalink(permalink)
        except WireError:
            return fail()
        ident = permalink_ident(self._key, permalink)
        self.permalinks[ident] = permalink
        return succeed(ident)

    def find(self, ident: str) -> Deferred[Permalink | None]:
        """See `CellStore`."""
        self.keep(ident)
        return succeed(self.permalinks.get(ident))

    def keep(self, ident: str) -> Deferred[bool]:
        """See `CellStore`."""
        permalink, saved = self.of_runs.get(ident, (None, 0.0))
        if permalink is not None and saved >= self.now() - self.run_seconds:
            self.permalinks[ident] = permalink
            del self.of_runs[ident]
        return succeed(ident in self.permalinks)


@define(kw_only=True, eq=False)
class MemoryRunPermalinkStore:
    """A `RunPermalinkStore` whose permalinks `cells` finds; `now` is in seconds since the epoch."""

    _cells: MemoryCellStore
    _now: Callable[[], float]
    _known: dict[tuple[str, Permalink], str] = field(factory=dict, init=False)

    def save(self, permalink: Permalink, client: str) -> Deferred[str]:
        """See `RunPermalinkStore`. Fails with `WireError` for text that no database can hold."""
        try:
            check_permalink(permalink)
        except WireError:
            return fail()
        ident = self._known.setdefault((client, permalink), f"run{len(self._known):023}")
        if ident not in self._cells.permalinks:
            self._cells.of_runs[ident] = (permalink, self._now())
        return succeed(ident)

    def sweep(self, before: float) -> Deferred[int]:
        """See `RunPermalinkStore`."""
        expired = [ident for ident, (_, at) in self._cells.of_runs.items() if at < before]
        for ident in expired:
            del self._cells.of_runs[ident]
        return succeed(len(expired))


@define(kw_only=True, eq=False)
class MemoryFileStore:
    """A `FileStore` in dictionaries; `now` is in seconds since the epoch.

    It keeps `total` bytes at most; 0 means no limit.
    """

    _now: Callable[[], float]
    _total: int = 0
    _files: dict[tuple[str, str], tuple[StoredFile, float]] = field(factory=dict, init=False)
    _blobs: dict[str, bytes] = field(factory=dict, init=False)

    def upload(
        self, kernel_id: str, name: str, mtime: float, on_lost: OnLost = tell_nobody
    ) -> MemoryUpload:
        """See `FileStore`."""
        return MemoryUpload(store=self, kernel_id=kernel_id, name=name, mtime=mtime)

    def find(self, kernel_id: str, name: str) -> Deferred[StoredFile | None]:
        """See `FileStore`."""
        file, _ = self._files.get((kernel_id, name), (None, 0.0))
        return succeed(file)

    def read(self, file: StoredFile, offset: int, length: int) -> Deferred[bytes]:
        """See `FileStore`. Fails with `StoreUnavailable` once the contents are deleted."""
        if offset >= file.size or length <= 0:
            return succeed(b"")
        if file.digest not in self._blobs:
            return fail(StoreUnavailable(FILE_GONE))
        # No more than the database returns at once, so that tests make readers read again.
        end = min(offset + length, offset - offset % CHUNK + CHUNK)
        return succeed(self._blobs[file.digest][offset:end])

    def sweep(self, before: float) -> Deferred[int]:
        """See `FileStore`. Contents that no file has any more are deleted, too."""
        old = [key for key, (_, created) in self._files.items() if created < before]
        for key in old:
            del self._files[key]
        self._forget_unused()
        return succeed(len(old))

    def _forget_unused(self) -> None:
        used = {file.digest for file, _ in self._files.values()}
        self._blobs = {digest: self._blobs[digest] for digest in used}

    def keep(self, file: StoredFile, contents: bytes) -> None:
        """Store a whole file, as a commit does."""
        self._evict(file.size + ENTRY)
        self._blobs[file.digest] = contents
        self._files[file.kernel_id, file.name] = (file, self._now())

    def has_room_for(self, size: int) -> bool:
        """Whether a file of that size may be stored at all."""
        return not self._total or size + ENTRY <= self._total

    def _evict(self, needed: int) -> None:
        if not self._total or self._held + needed <= self._total:
            return
        oldest = sorted(self._files, key=lambda key: (self._files[key][1], key), reverse=True)
        while oldest and self._held > int(LEFT * self._total) - needed:
            del self._files[oldest.pop()]
        self._forget_unused()

    @property
    def _held(self) -> int:
        sizes = {file.digest: file.size for file, _ in self._files.values()}
        return sum(sizes.values()) + ENTRY * len(self._files)


@define(kw_only=True, eq=False)
class MemoryUpload:
    """An `Upload` into a `MemoryFileStore`."""

    _store: MemoryFileStore
    _kernel_id: str
    _name: str
    _mtime: float
    _contents: bytearray = field(factory=bytearray, init=False)
    _open: bool = field(default=True, init=False)

    def write(self, data: bytes) -> Deferred[None]:
        """See `Upload`. Fails with `FileRefused` after a commit or an abandon."""
        if not self._open:
            return fail(FileRefused(UPLOAD_ENDED))
        self._contents += data
        return succeed(None)

    def commit(self) -> Deferred[StoredFile]:
        """See `Upload`. Fails like `write`."""
        if not self._open:
            return fail(FileRefused(UPLOAD_ENDED))
        self._open = False
        if not self._store.has_room_for(len(self._contents)):
            return fail(FileRefused(TOO_LARGE))
        file = StoredFile(
            kernel_id=self._kernel_id,
            name=self._name,
            size=len(self._contents),
            digest=hashlib.sha256(self._contents).hexdigest(),
            mtime=self._mtime,
        )
        self._store.keep(file, bytes(self._contents))
        return succeed(file)

    def abandon(self) -> Deferred[None]:
        """See `Upload`."""
        self._open = False
        return succeed(None)
