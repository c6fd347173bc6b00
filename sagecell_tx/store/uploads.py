"""A file on its way into the database.

An upload fills a blob without a digest, which cannot be found. Its commit is one transaction: the
blob gets its digest, or is deleted if another has that digest already, and the file's row points to
the blob with the digest. A crash leaves only blobs without digests; see `files`.

Each transaction may be repeated, since it may have been committed although nobody learned of it: it
begins by deleting what it is going to store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, field
from sqlalchemy import ColumnElement, Connection, delete, exists, insert, select, update
from twisted.internet.defer import CancelledError, Deferred, DeferredLock, fail, succeed
from twisted.python.failure import Failure

from sagecell_tx.sessions.interfaces import FileRefused, StoredFile, StoreUnavailable
from sagecell_tx.store.database import Database
from sagecell_tx.store.schema import blobs, chunks, files

if TYPE_CHECKING:
    from hashlib import _Hash

T = TypeVar("T")

CHUNK = 256 * 1024  # bytes in a row, and the most that one read returns

# Bytes that one transaction stores, since other writers wait for it.
AT_ONCE = 16 * CHUNK

# The size that marks a blob that a sweep is deleting; no upload may commit it any more.
CONDEMNED = -1

UPLOAD_ENDED = "This upload has ended; the file must be sent again."
FILE_GONE = "This file is no longer stored."


@define(kw_only=True, eq=False)
class DatabaseUpload:
    """An `Upload` into a database.

    Less than a row waits in memory, so that small writes cost no transaction. If a write or a commit
    fails with `StoreAway`, what it was to store is in memory as well, and the next one, or the commit
    again, stores all of it.
    """

    kernel_id: str
    name: str
    mtime: float
    _database: Database
    _now: Callable[[], float]
    _blob_id: str
    _ended: Callable[[], None]
    _commit: Callable[[int, Callable[[Connection], StoredFile]], Deferred[StoredFile]]
    _turn: DeferredLock = field(factory=DeferredLock, init=False)
    _hash: _Hash = field(factory=hashlib.sha256, init=False)  # of what is in rows
    _stored: int = field(default=0, init=False)  # bytes in rows
    _rest: bytearray = field(factory=bytearray, init=False)  # what is not in rows yet
    _begun: bool = field(default=False, init=False)
    _takes_more: bool = field(default=True, init=False)
    _open: bool = field(default=True, init=False)

    @property
    def waiting(self) -> int:
        """Bytes in memory."""
        return len(self._rest)

    def write(self, data: bytes) -> Deferred[None]:
        """See `Upload`. Fails with `FileRefused` after a commit or an abandon."""
        if not self.take(data):
            return fail(FileRefused(UPLOAD_ENDED))
        if len(self._rest) < CHUNK:
            return succeed(None)
        return self._in_turn(self._flush)

    def take(self, data: bytes) -> bool:
        """Append `data` in memory only; False if the upload takes no more."""
        if self._open and self._takes_more:
            self._rest += data
            return True
        return False

    def finish(self) -> bool:
        """Take no more; False after a commit that succeeded, or an abandon."""
        self._takes_more = False
        return self._open

    def commit(self) -> Deferred[StoredFile]:
        """See `Upload`. Fails with `FileRefused` after a commit that succeeded, or an abandon."""
        if not self.finish():
            return fail(FileRefused(UPLOAD_ENDED))
        return self._in_turn(self._flush_and_commit)

    def abandon(self) -> Deferred[None]:
        """See `Upload`. Never fails: a sweep deletes what cannot be deleted now."""
        self._close()
        return self._database.write(self._forget).addErrback(_left_to_sweep)

    def described(self) -> Deferred[StoredFile]:
        """Fires with the file as it will be stored."""

        def describe() -> StoredFile:
            hashed = self._hash.copy()
            hashed.update(rest)
            return self._as_stored(hashed.hexdigest(), size)

        rest, size = bytes(self._rest), self._stored + len(self._rest)
        return self._database.compute(describe)

    def read(self, offset: int, length: int) -> Deferred[bytes]:
        """Some bytes from `offset`, before the end, of a file that is not committed yet."""
        if offset < self._stored:
            mine = blobs.c.id == self._blob_id
            work = partial(read_rows, which=mine, offset=offset, length=length)
            return self._database.read(work)
        begin = offset - self._stored
        return succeed(bytes(self._rest[begin : begin + min(length, CHUNK)]))

    def _in_turn(self, work: Callable[[], Coroutine[Any, Any, T]]) -> Deferred[T]:
        """Run `work` after the writes before it. Who cancels it cannot know what was stored."""
        done = self._turn.run(lambda: Deferred.fromCoroutine(work()))
        return done.addErrback(self._broken)

    async def _flush(self) -> None:
        """Store all whole rows."""
        while whole := min(len(self._rest) - len(self._rest) % CHUNK, AT_ONCE):
            rows = bytes(memoryview(self._rest)[:whole])
            work = partial(self._append, data=rows, at=self._now())
            self._hash = await self._database.store(work)
            self._begun = True
            self._stored += whole
            del self._rest[:whole]

    async def _flush_and_commit(self) -> StoredFile:
        await self._flush()
        if not self._open:
            raise FileRefused(UPLOAD_ENDED)  # it was abandoned meanwhile
        settle = partial(self._settle, rest=bytes(self._rest), at=self._now())
        file = await self._commit(self._stored + len(self._rest), settle)
        self._close()
        return file

    def _as_stored(self, digest: str, size: int) -> StoredFile:
        return StoredFile(
            kernel_id=self.kernel_id, name=self.name, size=size, digest=digest, mtime=self.mtime
        )

    def _close(self) -> None:
        self._open = False
        self._rest = bytearray()
        self._ended()

    def _broken(self, failure: Failure) -> Failure:
        if failure.check(CancelledError):
            self._open = self._takes_more = False
        return failure

    # --- transactions, in threads

    def _append(self, connection: Connection, data: bytes, at: float) -> _Hash:
        """Store `data` in rows of `CHUNK` bytes, of which only the last may be shorter.

        Returns the hash of all that is in rows then.
        """
        mine = blobs.c.id == self._blob_id
        if self._begun:
            connection.execute(
                delete(chunks).where(
                    chunks.c.blob_id == self._blob_id, chunks.c.start >= self._stored
                )
            )
        else:
            connection.execute(delete(blobs).where(mine, blobs.c.digest.is_(None)))
            connection.execute(insert(blobs).values(id=self._blob_id, size=0, created=at))
        hashed = self._hash.copy()
        hashed.update(data)
        for start in range(0, len(data), CHUNK):
            row = data[start : start + CHUNK]
            connection.execute(
                insert(chunks).values(blob_id=self._blob_id, start=self._stored + start, data=row)
            )
        return hashed

    def _settle(self, connection: Connection, rest: bytes, at: float) -> StoredFile:
        hashed = self._hash.copy()
        hashed.update(rest)
        digest, size = hashed.hexdigest(), self._stored + len(rest)
        with_digest = select(blobs.c.id).where(blobs.c.digest == digest)
        if connection.scalar(select(exists(with_digest))):
            self._forget(connection)
        else:
            self._append(connection, rest, at)
            mine = (blobs.c.id == self._blob_id, blobs.c.size != CONDEMNED)
            connection.execute(update(blobs).where(*mine).values(digest=digest, size=size))
        # An error if there is none: a sweep took this upload for a crashed one and deleted it.
        blob_id = connection.scalars(with_digest).one()
        file = {"kernel_id": self.kernel_id, "name": self.name}
        connection.execute(delete(files).filter_by(**file))
        connection.execute(
            insert(files).values(**file, blob_id=blob_id, mtime=self.mtime, created=at)
        )
        return self._as_stored(digest, size)

    def _forget(self, connection: Connection) -> None:
        connection.execute(
            delete(blobs).where(blobs.c.id == self._blob_id, blobs.c.digest.is_(None))
        )


def _left_to_sweep(failure: Failure) -> None:
    failure.trap(StoreUnavailable)


def read_rows(
    connection: Connection, which: ColumnElement[bool], offset: int, length: int
) -> bytes:
    """Some bytes from `offset` of the one blob for which `which` is true.

    Raises `StoreUnavailable` if there are none.
    """
    row = connection.execute(
        select(chunks.c.start, chunks.c.data)
        .join_from(chunks, blobs)
        .where(which, chunks.c.start <= offset)
        .order_by(chunks.c.start.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise StoreUnavailable(FILE_GONE)
    begin = offset - row.start
    return bytes(memoryview(row.data)[begin : begin + length])
