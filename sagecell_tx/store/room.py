"""The limit on the total size of stored items: the oldest are deleted to make room for new ones.

The total is in the database, so that several web processes have one limit. A commit adds to it, the
deletion of the oldest subtracts; whatever else deletes something leaves it too high, until it is
counted. They are deleted in batches, so that the stored bytes seldom have to be counted.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Generic, Protocol, TypeVar

from attrs import define, field, frozen
from sqlalchemy import ColumnElement, Connection, delete, insert, select, update
from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from sagecell_tx.sessions.interfaces import StoreAway
from sagecell_tx.store.database import UNAVAILABLE, Database, attempt
from sagecell_tx.store.schema import totals

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
        """Their name in the log, in the plural, and that of their total."""

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


@frozen
class _Stored(Generic[T]):
    """An item was stored, with this result."""

    result: T


@frozen
class _Counted:
    """The bytes of all items; the total and the number of counts, at that moment, if there were any."""

    measured: int
    total: int | None
    counts: int


@define(kw_only=True, eq=False)
class Room:
    """Limits `contents` to `total` bytes; 0 means no limit."""

    _database: Database
    _total: int
    _contents: Contents
    _committing: DeferredLock = field(factory=DeferredLock, init=False)

    def commit(self, size: int, settle: Callable[[Connection], T]) -> Deferred[T]:
        """Make room for `size` bytes, then run `settle` in a transaction; one at a time.

        Fails with `Contents.refusal` for more than the total, and like `Database.store`.
        """
        if not self._total:
            return self._database.store(settle)
        return self._committing.run(lambda: Deferred.fromCoroutine(self._fit(size, settle)))

    async def count(self) -> None:
        """Count what is stored, after something was deleted."""
        if self._total:
            counted = await self._database.read(self._measure)
            await self._database.write(partial(self._correct, count=counted))

    async def _fit(self, size: int, settle: Callable[[Connection], T]) -> T:
        needed = size + self._contents.entry
        if needed > self._total:
            raise self._contents.refusal
        work = partial(self._commit, needed=needed, settle=settle)
        if isinstance(stored := await self._database.store(work), _Stored):
            return stored.result
        await self.count()  # perhaps the total is too high
        if isinstance(stored := await self._database.store(work), _Stored):
            return stored.result
        await self._evict(needed)
        # Other processes may have used that up already, so the rest is one transaction.
        work = partial(self._replace, needed=needed, settle=settle)
        if isinstance(stored := await self._database.store(work), _Stored):
            return stored.result
        raise StoreAway(UNAVAILABLE)

    async def _evict(self, needed: int) -> None:
        """Delete the oldest until a part of the total is free besides `needed` bytes."""
        goal, evicted = max(0, int(LEFT * self._total) - needed), 0
        # Not counted again for each batch: there may be a million of them.
        while gone := await self._database.write(partial(self._delete_some, goal=goal)):
            evicted += gone
        _log.info(
            "the {count} oldest {called} were deleted to make room for new ones",
            count=evicted,
            called=self._contents.called,
        )
        await self._contents.tidy()

    # --- transactions

    @property
    def _mine(self) -> ColumnElement[bool]:
        return totals.c.name == self._contents.called

    def _commit(
        self, connection: Connection, needed: int, settle: Callable[[Connection], T]
    ) -> _Stored[T] | None:
        """Add an item to the total, and store it; None if there is no room, or no total yet."""
        fits = totals.c.bytes + needed <= self._total
        added = update(totals).where(self._mine, fits).values(bytes=totals.c.bytes + needed)
        return _Stored(settle(connection)) if connection.execute(added).rowcount else None

    def _replace(
        self, connection: Connection, needed: int, settle: Callable[[Connection], T]
    ) -> _Stored[T] | None:
        """Store an item in place of the oldest, if there is no room; None if there is no total any more.

        Writers are alone in the database. There are few to delete: what others have stored since the last eviction.
        """
        while self._delete_some(connection, self._total - needed):
            pass
        return self._commit(connection, needed, settle)

    def _delete_some(self, connection: Connection, goal: int) -> int:
        """Delete some of the oldest; returns how many, 0 when no more than `goal` bytes are left."""
        excess = (connection.scalar(select(totals.c.bytes).where(self._mine)) or 0) - goal
        if excess <= 0:
            return 0
        count, freed = self._contents.delete_oldest(connection, excess)
        freeing = update(totals).where(self._mine).values(bytes=totals.c.bytes - freed)
        connection.execute(freeing)
        return count

    def _measure(self, connection: Connection) -> _Counted:
        row = connection.execute(select(totals.c.bytes, totals.c.counts).where(self._mine)).first()
        measured = self._contents.measure(connection)
        return _Counted(measured, row.bytes if row else None, row.counts if row else 0)

    def _correct(self, connection: Connection, count: _Counted) -> None:
        """Correct the total by what it was wrong then; others may have added to it meanwhile."""
        if count.total is None:
            first = insert(totals).values(
                name=self._contents.called, bytes=count.measured, counts=1
            )
            attempt(connection, first)  # unless another process was faster
            return
        connection.execute(
            update(totals)
            .where(self._mine, totals.c.counts == count.counts)
            .values(bytes=totals.c.bytes + (count.measured - count.total), counts=count.counts + 1)
        )


def forget_totals(connection: Connection) -> None:
    """Let every total be counted when it is needed next: something else was stored or deleted."""
    connection.execute(delete(totals))
