"""The limit on the total size of stored files: the oldest are deleted to make room for new ones.

They are deleted in batches, so that the stored bytes seldom have to be counted.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from attrs import define, field
from sqlalchemy import Connection, delete, exists, func, select
from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from sagecell_tx.sessions.admission.storagebudgets import ENTRY
from sagecell_tx.sessions.interfaces import FileRefused, StoredFile
from sagecell_tx.store.database import Database
from sagecell_tx.store.schema import blobs, files

_log = Logger()

#: The part of the total that is used once old files are deleted and the new one is stored.
LEFT = 0.9

# The most that one transaction deletes.
_FILES_AT_ONCE = 100

TOO_LARGE = "The file is larger than this server's space for all files."


@define(kw_only=True, eq=False)
class Room:
    """Limits files to `total` bytes, where equal contents count once; 0 means no limit.

    `delete_unused` deletes the contents that no file has any more.
    """

    _database: Database
    _total: int
    _delete_unused: Callable[[], Coroutine[Any, Any, None]]
    _held: int | None = field(default=None, init=False)  # bytes, at most; None: to be counted
    _committing: DeferredLock = field(factory=DeferredLock, init=False)

    def commit(self, size: int, settle: Callable[[Connection], StoredFile]) -> Deferred[StoredFile]:
        """Make room for `size` bytes, then run `settle` in a transaction; one file at a time.

        Fails with `FileRefused` for a file larger than the total, and like `Database.store`.
        """
        if not self._total:
            return self._database.store(settle)
        return self._committing.run(lambda: Deferred.fromCoroutine(self._fit(size, settle)))

    def count_again(self) -> None:
        """Count the stored bytes before the next commit: this or another process changed them."""
        self._held = None

    async def _fit(self, size: int, settle: Callable[[Connection], StoredFile]) -> StoredFile:
        needed = size + ENTRY
        if needed > self._total:
            raise FileRefused(TOO_LARGE)
        if self._held is None or self._held + needed > self._total:
            self._held = await self._evict(needed)
        self._held += needed
        return await self._database.store(settle)

    async def _evict(self, needed: int) -> int:
        """Delete the oldest files if `needed` bytes have no room; returns the bytes stored then."""
        held, evicted = await self._database.read(_bytes_held), 0
        if held + needed <= self._total:
            return held
        goal = max(0, int(LEFT * self._total) - needed)
        while held > goal:
            # Not counted again for each batch: there may be a million files.
            gone, freed = await self._database.write(partial(_delete_oldest, excess=held - goal))
            if not gone:
                break
            evicted += gone
            held -= freed
        _log.info("the {count} oldest files were deleted to make room for new ones", count=evicted)
        await self._delete_unused()
        return held


def _bytes_held(connection: Connection) -> int:
    """The bytes of all files: each content once, and `ENTRY` for each file."""
    used = exists().where(files.c.blob_id == blobs.c.id)
    contents = connection.scalar(select(func.sum(blobs.c.size)).where(used)) or 0
    return int(contents) + ENTRY * (connection.scalar(select(func.count()).select_from(files)) or 0)


def _delete_oldest(connection: Connection, excess: int) -> tuple[int, int]:
    """Delete the oldest files until `excess` bytes are freed, at most `_FILES_AT_ONCE`.

    Returns how many, and the bytes freed, without contents that other files have as well.
    """
    oldest = connection.execute(
        select(files.c.kernel_id, files.c.name, files.c.blob_id, blobs.c.size)
        .join_from(files, blobs)
        .order_by(files.c.created, files.c.kernel_id, files.c.name)
        .limit(_FILES_AT_ONCE)
    ).all()
    count = freed = 0
    for kernel_id, name, blob_id, size in oldest:
        if freed >= excess:
            break
        connection.execute(delete(files).filter_by(kernel_id=kernel_id, name=name))
        shared = connection.scalar(select(exists().where(files.c.blob_id == blob_id)))
        freed += ENTRY if shared else size + ENTRY
        count += 1
    return count, freed
