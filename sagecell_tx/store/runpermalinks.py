"""Permalinks of runs: programs that are stored because a run asked for it, and expire.

Their ids are random, and clients share no row: an id tells neither when it was made nor whether
somebody else ran the same program. A permalink that is opened or shared moves to the table of those
that stay; see `keep`.
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from attrs import define, field
from sqlalchemy import Connection, delete, exists, func, insert, select, update
from twisted.internet.defer import Deferred, fail

from sagecell_tx.sessions.interfaces import Permalink, StoreUnavailable
from sagecell_tx.store.database import UNAVAILABLE, Database
from sagecell_tx.store.permalinks import check_permalink, permalink_ident
from sagecell_tx.store.room import Room
from sagecell_tx.store.schema import permalinks, run_permalinks
from sagecell_tx.wire.messages import WireError

T = TypeVar("T")

#: Bytes that a row takes in addition to its texts.
ENTRY = 1024

#: Saves that may wait for the database. Further ones fail at once.
WAITING = 100

#: Ids in memory by client and program. For a client's program that was dropped, a new row is made.
KNOWN = 20_000

TOO_LARGE = "The program is larger than this server's space for the permalinks of runs."

# The most rows that one transaction deletes, since other writers wait for it.
_AT_ONCE = 100


@define(kw_only=True, eq=False)
class DatabaseRunPermalinkStore:
    """A `RunPermalinkStore` in a database. `now` is in seconds since the epoch.

    `entropy(n)` returns n random bytes. At most `total` bytes are kept: the oldest are deleted for
    new ones. With 0, all are kept. Who ran which program is not in the database.
    """

    _database: Database
    _now: Callable[[], float]
    _entropy: Callable[[int], bytes]
    _total: int = 0
    _most_known: int = KNOWN
    _room: Room = field(init=False)
    _known: OrderedDict[str, str] = field(factory=OrderedDict, init=False)
    _waiting: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._room = Room(database=self._database, total=self._total, contents=_Rows())

    def save(self, permalink: Permalink, client: str) -> Deferred[str]:
        """See `RunPermalinkStore`. Fails with `WireError` for text that no database can store.

        Cancelling gives up the answer only: the permalink is stored all the same.
        """
        try:
            check_permalink(permalink)
        except WireError:
            return fail()
        if self._waiting >= WAITING:
            return fail(StoreUnavailable(UNAVAILABLE))
        size = size_of(permalink)
        row = {
            "ident": self._ident(permalink, client),
            "size": size,
            "created": self._now(),
            "code": permalink.code,
            "language": permalink.language,
            "interacts": permalink.interacts,
        }
        # A Deferred of its own for the caller, so that cancelling does not end the count early.
        answer: Deferred[str] = Deferred()
        self._waiting += 1
        saved = self._room.commit(size, partial(_save, row=row))
        saved.addBoth(self._waited)
        saved.chainDeferred(answer)
        return answer

    def sweep(self, before: float) -> Deferred[int]:
        """See `RunPermalinkStore`."""
        return Deferred.fromCoroutine(self._sweep(before))

    async def _sweep(self, before: float) -> int:
        swept = 0
        while gone := await self._database.write(partial(delete_expired, before=before)):
            swept += gone
        await self._room.count()
        return swept

    def _waited(self, result: T) -> T:
        self._waiting -= 1
        return result

    def _ident(self, permalink: Permalink, client: str) -> str:
        """The id of this client's program, which is a new one if it is not known."""
        # The hash is only in memory; the id in the database is random.
        known_as = permalink_ident(client.encode("utf-8", "backslashreplace"), permalink)
        ident = self._known.pop(known_as, None)
        if ident is None:
            ident = base64.b32encode(self._entropy(16)).decode("ascii").rstrip("=").lower()
        self._known[known_as] = ident
        if len(self._known) > self._most_known:
            self._known.popitem(last=False)
        return ident


class _Rows:
    """The rows, as contents of a `Room`."""

    entry = ENTRY
    called = "permalinks of runs"

    @property
    def refusal(self) -> StoreUnavailable:
        """See `Contents`."""
        return StoreUnavailable(TOO_LARGE)

    def measure(self, connection: Connection) -> int:
        """See `Contents`."""
        query = select(func.sum(run_permalinks.c.size), func.count()).select_from(run_permalinks)
        size, count = connection.execute(query).one()
        return int(size or 0) + ENTRY * int(count)

    def delete_oldest(self, connection: Connection, excess: int) -> tuple[int, int]:
        """See `Contents`."""
        oldest = connection.execute(
            select(run_permalinks.c.ident, run_permalinks.c.size)
            .order_by(run_permalinks.c.created, run_permalinks.c.ident)
            .limit(_AT_ONCE)
        ).all()
        freed, idents = 0, []
        for ident, size in oldest:
            if freed >= excess:
                break
            freed += size + ENTRY
            idents.append(ident)
        connection.execute(delete(run_permalinks).where(run_permalinks.c.ident.in_(idents)))
        return len(idents), freed

    async def tidy(self) -> None:
        """See `Contents`. A row takes its texts with it."""


def size_of(permalink: Permalink) -> int:
    """Bytes of its texts."""
    texts = (permalink.code, permalink.language, permalink.interacts)
    return sum(len(text.encode("utf-8")) for text in texts)


def _save(connection: Connection, row: dict[str, object]) -> str:
    """Insert the row, or make an older one of that id as recent as it; returns the id."""
    ident = str(row["ident"])
    mine = run_permalinks.c.ident == ident
    if connection.scalar(select(exists().where(permalinks.c.ident == ident))):
        return ident  # it was opened or shared, and stays
    again = update(run_permalinks).where(mine).values(created=row["created"])
    if not connection.execute(again).rowcount:
        connection.execute(insert(run_permalinks).values(row))
    return ident


def delete_expired(connection: Connection, before: float) -> int:
    """Delete some that were made before this time; returns how many, 0 when there are no more."""
    expired = connection.scalars(
        select(run_permalinks.c.ident).where(run_permalinks.c.created < before).limit(_AT_ONCE)
    ).all()
    connection.execute(delete(run_permalinks).where(run_permalinks.c.ident.in_(expired)))
    return len(expired)
