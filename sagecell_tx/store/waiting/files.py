"""Files that are committed while the database is away: they wait in memory, where they are found.

A program goes on, and its plots are shown, while the database's server is restarted. Who asks for a
file is told of it as soon as all of it is here. If it cannot be stored within the bounds of `Retries`,
its session is told, and the log.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from sagecell_tx.sessions.admission.storagebudgets import ENTRY
from sagecell_tx.sessions.interfaces import (
    FileRefused,
    OnLost,
    StoreAway,
    StoredFile,
    StoreUnavailable,
    tell_nobody,
)
from sagecell_tx.store.database import UNAVAILABLE
from sagecell_tx.store.files import DatabaseFileStore
from sagecell_tx.store.uploads import UPLOAD_ENDED, DatabaseUpload
from sagecell_tx.store.waiting.retries import Retries

_log = Logger()

LOST = "The file {name!r} could not be saved. {why}"


@define(kw_only=True, eq=False)
class WaitingFileStore(Service):
    """A `FileStore` in front of that of a database. Stopping it stores what waits, if it can."""

    _files: DatabaseFileStore
    _retries: Retries
    _committed: dict[tuple[str, str], WaitingUpload] = field(factory=dict, init=False)

    def upload(
        self, kernel_id: str, name: str, mtime: float, on_lost: OnLost = tell_nobody
    ) -> WaitingUpload:
        """See `FileStore`."""
        upload = self._files.upload(kernel_id, name, mtime)
        return WaitingUpload(
            upload=upload, retries=self._retries, committed=self._committed, on_lost=on_lost
        )

    def find(self, kernel_id: str, name: str) -> Deferred[StoredFile | None]:
        """See `FileStore`."""
        waiting = self._committed.get((kernel_id, name))
        return succeed(waiting.file) if waiting else self._files.find(kernel_id, name)

    def read(self, file: StoredFile, offset: int, length: int) -> Deferred[bytes]:
        """See `FileStore`."""
        if 0 <= offset < file.size and length > 0:
            for waiting in self._committed.values():
                if waiting.file is not None and waiting.file.digest == file.digest:
                    return waiting.read(offset, length)
        return self._files.read(file, offset, length)

    def sweep(self, before: float) -> Deferred[int]:
        """See `FileStore`. What waits is younger."""
        return self._files.sweep(before)

    def be_patient(self) -> None:
        """When this is stopped, let what waits do so for as long as otherwise: nobody waits for the end."""
        self._retries.be_patient()

    @override
    def stopService(self) -> Deferred[None]:
        """Store what waits, if the database is there, or comes back soon; fires when that is over."""
        super().stopService()
        if self._committed:
            _log.info(
                "files that are still to be stored, and wait for the database: {count}",
                count=len(self._committed),
            )
        return self._retries.close()


@define(kw_only=True, eq=False)
class WaitingUpload:
    """An `Upload` that goes on in memory when the database is away."""

    _upload: DatabaseUpload
    _retries: Retries
    _committed: dict[tuple[str, str], WaitingUpload]
    _on_lost: OnLost
    file: StoredFile | None = field(default=None, init=False)  # once it is committed in memory
    _held: int = field(default=0, init=False)  # bytes that are reserved
    _waits: bool = field(default=False, init=False)
    _storing: Deferred[Any] | None = field(default=None, init=False)

    def write(self, data: bytes) -> Deferred[None]:
        """See `Upload`. Fails with `StoreAway` if too much waits already."""
        return Deferred.fromCoroutine(self._write(data))

    async def _write(self, data: bytes) -> None:
        if not self._waits:
            try:
                return await self._upload.write(data)
            except StoreAway:
                return self._begin_to_wait()
        if not self._retries.reserve(len(data), self._upload.kernel_id):
            raise StoreAway(UNAVAILABLE)
        self._held += len(data)
        if not self._upload.take(data):
            raise FileRefused(UPLOAD_ENDED)

    def commit(self) -> Deferred[StoredFile]:
        """See `Upload`. Fails like `write`."""
        return Deferred.fromCoroutine(self._commit())

    async def _commit(self) -> StoredFile:
        if self.file is not None or not self._upload.finish():
            raise FileRefused(UPLOAD_ENDED)
        # After an earlier file of that name that waits, which would replace this one.
        if not self._waits and self._key not in self._committed:
            with suppress(StoreAway):
                return await self._upload.commit()
        if not self._waits:
            self._begin_to_wait()
        return self._wait(await self._upload.described())

    def abandon(self) -> Deferred[None]:
        """See `Upload`."""
        if self.file is not None:
            return succeed(None)
        self._release()
        return self._upload.abandon()

    def read(self, offset: int, length: int) -> Deferred[bytes]:
        """See `FileStore.read`, of a file that waits."""
        return self._upload.read(offset, length)

    @property
    def _key(self) -> tuple[str, str]:
        return self._upload.kernel_id, self._upload.name

    def _begin_to_wait(self) -> None:
        """Keep in memory what was not stored; raises `StoreAway` if there is no room."""
        size = self._upload.waiting + ENTRY  # a file without contents takes memory as well
        if not self._retries.reserve(size, self._upload.kernel_id):
            raise StoreAway(UNAVAILABLE)
        self._held, self._waits = size, True

    def _wait(self, file: StoredFile) -> StoredFile:
        self.file = file
        earlier = self._committed.get(self._key)
        self._committed[self._key] = self
        self._storing = self._retries.add(self._upload.commit)
        self._storing.addCallbacks(self._stored, self._lost).addErrback(
            lambda failure: _log.failure("the end of a file that waited", failure)
        )
        if earlier is not None and earlier._storing is not None:
            earlier._storing.cancel()
        return file

    def _stored(self, _: StoredFile) -> None:
        self._forget()

    def _lost(self, failure: Failure) -> None:
        self._forget()
        self._upload.abandon()
        if failure.check(CancelledError):
            return  # a later file took its place
        (kernel_id, name), why = self._key, ""
        if failure.check(StoreUnavailable, FileRefused):
            why = failure.getErrorMessage()
            _log.error("{kernel}: {name!r} is lost: {why}", kernel=kernel_id, name=name, why=why)
        else:
            _log.failure("{kernel}: {name!r} is lost", failure, kernel=kernel_id, name=name)
        self._on_lost(LOST.format(name=name, why=why).rstrip())

    def _forget(self) -> None:
        self._storing = None
        self._release()
        if self._committed.get(self._key) is self:
            del self._committed[self._key]

    def _release(self) -> None:
        self._retries.release(self._held, self._upload.kernel_id)
        self._held = 0
