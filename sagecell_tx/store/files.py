"""Files that kernels made, in a database. Equal contents are stored once.

A file is a row that points to a blob; a blob is identified by its SHA-256 and stored in rows of
at most `CHUNK` bytes, so that a whole file is never in memory. Blobs without digests are uploads,
under way or left by a crash, which `forget_uploads` deletes.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from attrs import define, field
from sqlalchemy import Connection, and_, delete, exists, func, or_, select, update
from twisted.internet.defer import Deferred, succeed

from sagecell_tx.sessions.admission.storagebudgets import ENTRY
from sagecell_tx.sessions.interfaces import FileRefused, OnLost, StoredFile, tell_nobody
from sagecell_tx.store.database import Database
from sagecell_tx.store.room import Room
from sagecell_tx.store.schema import blobs, chunks, files
from sagecell_tx.store.uploads import CONDEMNED, DatabaseUpload, read_rows
from sagecell_tx.wire.codelink import clean_ident, clean_name
from sagecell_tx.wire.messages import WireError

# The most that one transaction of a sweep deletes, since other writers wait for it.
_BLOBS_AT_ONCE = 100
_FILES_AT_ONCE = 100
_CHUNKS_AT_ONCE = 64

TOO_LARGE = "The file is larger than this server's space for all files."


@define(kw_only=True, eq=False)
class DatabaseFileStore:
    """A `FileStore` in a database. `now` is in seconds since the epoch.

    `entropy(n)` returns n random bytes; each upload's id has 16. At most `total` bytes of committed
    files are kept: the oldest are deleted for new ones. With 0, all are kept.
    """

    _database: Database
    _now: Callable[[], float]
    _entropy: Callable[[int], bytes]
    _total: int = 0
    _room: Room = field(init=False)
    _uploads: set[str] = field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        contents = _StoredFiles(delete_unused=self._delete_unused)
        self._room = Room(database=self._database, total=self._total, contents=contents)

    def upload(
        self, kernel_id: str, name: str, mtime: float, on_lost: OnLost = tell_nobody
    ) -> DatabaseUpload:
        """See `FileStore`. Nothing is written yet, and nothing that is committed is lost."""
        blob_id = self._entropy(16).hex()
        self._uploads.add(blob_id)
        return DatabaseUpload(
            database=self._database,
            now=self._now,
            blob_id=blob_id,
            kernel_id=kernel_id,
            name=name,
            mtime=mtime,
            ended=partial(self._uploads.discard, blob_id),
            commit=self._room.commit,
        )

    def find(self, kernel_id: str, name: str) -> Deferred[StoredFile | None]:
        """See `FileStore`. An invalid id or name is not found either."""
        try:
            clean_ident(kernel_id)
            clean_name(name)
        except WireError:
            return succeed(None)
        return self._database.read(partial(_find, kernel_id=kernel_id, name=name))

    def read(self, file: StoredFile, offset: int, length: int) -> Deferred[bytes]:
        """See `FileStore`. Fails with `StoreUnavailable` once the contents are deleted."""
        if offset >= file.size or length <= 0:
            return succeed(b"")
        which = blobs.c.digest == file.digest
        return self._database.read(partial(read_rows, which=which, offset=offset, length=length))

    def sweep(self, before: float) -> Deferred[int]:
        """See `FileStore`. Contents that no file has any more are deleted, too.

        So are uploads of other processes that were begun before that time.
        """
        return Deferred.fromCoroutine(self._sweep(before))

    def forget_uploads(self, before: float) -> Deferred[None]:
        """Delete what a crash left: uploads of other processes that were begun before a time.

        At a server's start that is now, if no other process uses the database; otherwise now
        minus the longest time that an upload may take.
        """
        return Deferred.fromCoroutine(self._delete_blobs(before))

    async def _sweep(self, before: float) -> int:
        swept = 0
        while gone := await self._database.write(partial(delete_files, before=before)):
            swept += gone
        await self._delete_blobs(before)
        await self._room.count()
        return swept

    async def _delete_unused(self) -> None:
        await self._delete_blobs(0.0)

    async def _delete_blobs(self, before: float) -> None:
        write, own = self._database.write, frozenset(self._uploads)
        while condemned := await write(partial(condemn, before=before, but=own)):
            while await write(partial(delete_some_chunks, blob_ids=condemned)):
                pass
            await write(partial(delete_emptied, blob_ids=condemned))


@define(kw_only=True)
class _StoredFiles:
    """The files, as contents of a `Room`; equal contents of files count once.

    `delete_unused` deletes the contents that no file has any more.
    """

    _delete_unused: Callable[[], Coroutine[Any, Any, None]]
    entry = ENTRY
    called = "files"

    @property
    def refusal(self) -> FileRefused:
        """See `Contents`."""
        return FileRefused(TOO_LARGE)

    def measure(self, connection: Connection) -> int:
        """See `Contents`."""
        used = exists().where(files.c.blob_id == blobs.c.id)
        contents = connection.scalar(select(func.sum(blobs.c.size)).where(used)) or 0
        count = connection.scalar(select(func.count()).select_from(files)) or 0
        return int(contents) + ENTRY * count

    def delete_oldest(self, connection: Connection, excess: int) -> tuple[int, int]:
        """See `Contents`. Contents that other files have as well are not freed."""
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

    async def tidy(self) -> None:
        """See `Contents`."""
        await self._delete_unused()


def _find(connection: Connection, kernel_id: str, name: str) -> StoredFile | None:
    row = connection.execute(
        select(blobs.c.size, blobs.c.digest, files.c.mtime)
        .join_from(files, blobs)
        .where(files.c.kernel_id == kernel_id, files.c.name == name)
    ).one_or_none()
    if row is None:
        return None
    return StoredFile(
        kernel_id=kernel_id, name=name, size=row.size, digest=row.digest, mtime=row.mtime
    )


def delete_files(connection: Connection, before: float) -> int:
    """Delete some files that were stored before a time; returns how many, 0 when there are no more."""
    expired = connection.execute(
        select(files.c.kernel_id, files.c.name)
        .where(files.c.created < before)
        .limit(_FILES_AT_ONCE)
    ).all()
    for kernel_id, name in expired:
        connection.execute(delete(files).filter_by(kernel_id=kernel_id, name=name))
    return len(expired)


def condemn(connection: Connection, before: float, but: frozenset[str]) -> Sequence[str]:
    """Mark some unused blobs, so that they cannot be found any more; returns their ids."""
    unused = and_(blobs.c.digest.is_not(None), ~exists().where(files.c.blob_id == blobs.c.id))
    left = and_(blobs.c.digest.is_(None), blobs.c.created < before, blobs.c.id.not_in(but))
    condemned = connection.scalars(
        select(blobs.c.id).where(or_(unused, left)).limit(_BLOBS_AT_ONCE)
    ).all()
    connection.execute(
        update(blobs).where(blobs.c.id.in_(condemned)).values(digest=None, size=CONDEMNED)
    )
    return condemned


def delete_some_chunks(connection: Connection, blob_ids: Sequence[str]) -> int:
    """Delete some of these blobs' rows; returns how many, 0 when there are no more."""
    some = connection.execute(
        select(chunks.c.blob_id, chunks.c.start)
        .where(chunks.c.blob_id.in_(blob_ids))
        .limit(_CHUNKS_AT_ONCE)
    ).all()
    for blob_id, start in some:
        connection.execute(delete(chunks).filter_by(blob_id=blob_id, start=start))
    return len(some)


def delete_emptied(connection: Connection, blob_ids: Sequence[str]) -> None:
    """Delete blobs whose rows are gone."""
    connection.execute(delete(blobs).where(blobs.c.id.in_(blob_ids)))
