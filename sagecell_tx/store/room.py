"""The limit on the total size of stored items: the oldest are deleted to make room for new ones.

They are deleted in batches, so that the stored bytes seldom have to be counted.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

from attrs import define, field
from sqlalchemy import Connection
from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from sagecell_tx.store.database import Database

T = TypeVar("T")

_log = Logger()

#: The part of the total that is used once the oldest are deleted and the new one is stored.
LEFT = 0.9


class Contents(Protocol):
    """One kind of stored items."""

    @property
    def entry(self) -> int:
        """Bytes that an item takes in addition to its contents."""

    @property
    def called(self) -> str:
        """Their name in the log, in the plural."""

    @property
    def refusal(self) -> Exception:
        """The error for an item that is larger than the total."""

    def measure(self, connection: Connection) -> int:
        """The bytes of all items."""

    def delete_oldest(self, connection: Connection, excess: int) -> tuple[int, int]:
        """Delete the oldest items until `excess` bytes are freed, or a bounded number of them.

        Returns how many, and the bytes freed.
        """

    async def tidy(self) -> None:
        """Delete what no item refers to any more."""


@define(kw_only=True, eq=False)
class Room:
    """Limits `contents` to `total` bytes; 0 means no limit."""

    _database: Database
    _total: int
    _contents: Contents
    _held: int | None = field(default=None, init=False)  # bytes, at most; None: to be counted
    _committing: DeferredLock = field(factory=DeferredLock, init=False)

    def commit(self, size: int, settle: Callable[[Connection], T]) -> Deferred[T]:
        """Make room for `size` bytes, then run `settle` in a transaction; one at a time.

        Fails with `Contents.refusal` for more than the total, and like `Database.store`.
        """
        if not self._total:
            return self._database.store(settle)
        return self._committing.run(lambda: Deferred.fromCoroutine(self._fit(size, settle)))

    def count_again(self) -> None:
        """Count the stored bytes before the next commit: this or another process changed them."""
        self._held = None

    async def _fit(self, size: int, settle: Callable[[Connection], T]) -> T:
        needed = size + self._contents.entry
        if needed > self._total:
            raise self._contents.refusal
        if self._held is None or self._held + needed > self._total:
            self._held = await self._evict(needed)
        self._held += needed
        return await self._database.store(settle)

    async def _evict(self, needed: int) -> int:
        """Delete the oldest if `needed` bytes have no room; returns the bytes stored then."""
        contents, evicted = self._contents, 0
        held = await self._database.read(contents.measure)
        if held + needed <= self._total:
            return held
        goal = max(0, int(LEFT * self._total) - needed)
        while held > goal:
            # Not counted again for each batch: there may be a million of them.
            delete_oldest = partial(contents.delete_oldest, excess=held - goal)
            gone, freed = await self._database.write(delete_oldest)
            if not gone:
                break
            evicted += gone
            held -= freed
        _log.info(
            "the {count} oldest {called} were deleted to make room for new ones",
            count=evicted,
            called=contents.called,
        )
        await contents.tidy()
        return held
