"""Permalinks: programs that are stored under ids that nobody can guess.

The id is a keyed hash of the program: the same program always gets the same id. Without the
key, which never leaves the database, ids can be neither computed nor guessed.
"""

from __future__ import annotations

import base64
import hmac
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import islice

from attrs import define, field
from sqlalchemy import Connection, case, delete, insert, select, update
from sqlalchemy.sql.functions import coalesce
from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from sagecell_tx.sessions.interfaces import Permalink, StoreUnavailable
from sagecell_tx.store.database import Database, attempt
from sagecell_tx.store.schema import permalinks, run_permalinks, secrets
from sagecell_tx.wire.codelink import clean_ident, clean_text
from sagecell_tx.wire.messages import WireError

KEY_NAME = "permalink"
KEY_SIZE = 32

#: The most that a permalink's count can be, in every database.
MOST_REQUESTED = 2**31 - 1

# Permalinks whose counts may wait for a database that was away.
_UNCOUNTED = 10_000

# The most permalinks that one transaction counts, since other writers wait for it.
_AT_ONCE = 100


@define(kw_only=True, eq=False)
class DatabaseCellStore:
    """A `CellStore` in a database. `now` is in seconds since the epoch.

    `entropy(n)` returns n random bytes; it is called for a key if the database has none. Permalinks
    of runs are found for `run_seconds` after the last run.
    """

    _database: Database
    _now: Callable[[], float]
    _entropy: Callable[[int], bytes]
    _run_seconds: float
    _asked_for: Counter[str] = field(factory=Counter, init=False)
    _counting: bool = field(default=False, init=False)

    def save(self, permalink: Permalink) -> Deferred[str]:
        """See `CellStore`. Fails with `WireError` for text that no database can hold."""
        try:
            check_permalink(permalink)
        except WireError:
            return fail()
        return self._database.store(
            partial(_save, permalink=permalink, at=self._time(), entropy=self._entropy)
        )

    def find(self, ident: str) -> Deferred[Permalink | None]:
        """See `CellStore`."""
        try:
            clean_ident(ident)
        except WireError:
            return succeed(None)

        def found(permalink: Permalink | None) -> Permalink | None:
            if permalink is not None:
                self._asked_for[ident] += 1
                self._count()
            return permalink

        return self._database.read(partial(_find, ident=ident, since=self._oldest())).addCallback(
            found
        )

    def keep(self, ident: str) -> Deferred[bool]:
        """See `CellStore`."""
        try:
            clean_ident(ident)
        except WireError:
            return succeed(False)
        keep = partial(_keep, ident=ident, at=self._time(), since=self._oldest())
        return self._database.write(keep)

    def _count(self) -> None:
        """Store the counts of requests in the background: no request waits for statistics.

        The permalinks of runs that were requested stay from now on.
        """
        if self._counting or not self._asked_for:
            return
        counts = dict(islice(self._asked_for.items(), _AT_ONCE))
        for ident in counts:
            del self._asked_for[ident]
        self._counting = True

        def counted(result: Failure | None) -> None:
            self._counting = False
            if isinstance(result, Failure):
                result.trap(StoreUnavailable)
                if len(self._asked_for) < _UNCOUNTED:  # they are stored with the next count
                    self._asked_for.update(counts)
            else:
                self._count()

        self._database.write(partial(_add_counts, counts=counts, at=self._time())).addBoth(counted)

    def _time(self) -> datetime:
        return _utc(self._now())

    def _oldest(self) -> float:
        """The earliest last run, in seconds since the epoch, of a permalink that has not expired."""
        return self._now() - self._run_seconds


def _utc(seconds: float) -> datetime:
    """Seconds since the epoch as SageMathCell stores a time: in UTC, without a zone."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def check_permalink(permalink: Permalink) -> None:
    """Raise `WireError` unless every database can store this permalink."""
    for text in (permalink.code, permalink.language, permalink.interacts):
        clean_text(text)


def permalink_ident(key: bytes, permalink: Permalink) -> str:
    """128 bits of the keyed hash of a program: 26 characters, each a-z or 2-7."""
    parts = [
        text.encode("utf-8") for text in (permalink.code, permalink.language, permalink.interacts)
    ]
    # Each with its length, so that two programs never give the same bytes.
    hashed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    digest = hmac.digest(key, hashed, "sha256")[:16]
    return base64.b32encode(digest).decode("ascii").rstrip("=").lower()


def _save(
    connection: Connection, permalink: Permalink, at: datetime, entropy: Callable[[int], bytes]
) -> str:
    ident = permalink_ident(_key(connection, entropy), permalink)
    attempt(
        connection,
        insert(permalinks).values(
            ident=ident,
            code=permalink.code,
            language=permalink.language,
            interacts=permalink.interacts,
            created=at,
            last_accessed=at,
            requested=0,
        ),
    )
    return ident


def _key(connection: Connection, entropy: Callable[[int], bytes]) -> bytes:
    """The database's key; if there is none, one of the processes that try creates it."""
    query = select(secrets.c.value).where(secrets.c.name == KEY_NAME)
    key = connection.scalar(query)
    if key is None:
        attempt(connection, insert(secrets).values(name=KEY_NAME, value=entropy(KEY_SIZE)))
        key = connection.scalars(query).one()
    return bytes(key)


def _find(connection: Connection, ident: str, since: float) -> Permalink | None:
    row = connection.execute(
        select(
            coalesce(permalinks.c.code, "").label("code"),
            permalinks.c.language,
            permalinks.c.interacts,
        ).where(permalinks.c.ident == ident)
    ).one_or_none()
    if row is None:
        row = connection.execute(
            select(
                run_permalinks.c.code, run_permalinks.c.language, run_permalinks.c.interacts
            ).where(run_permalinks.c.ident == ident, run_permalinks.c.created >= since)
        ).one_or_none()
    if row is None:
        return None
    # SageMathCell's columns may be null; then the defaults of `Permalink` apply.
    return Permalink(**{name: text for name, text in row._asdict().items() if text is not None})


def _keep(connection: Connection, ident: str, at: datetime, since: float = 0.0) -> bool:
    """Move a permalink of a run to those that stay; returns whether there is one of that id now.

    One whose last run was before `since` has expired.
    """
    row = connection.execute(
        select(
            run_permalinks.c.code,
            run_permalinks.c.language,
            run_permalinks.c.interacts,
            run_permalinks.c.created,
        ).where(run_permalinks.c.ident == ident, run_permalinks.c.created >= since)
    ).one_or_none()
    if row is None:
        kept = select(permalinks.c.ident).where(permalinks.c.ident == ident)
        return connection.scalar(kept) is not None
    values = {**row._asdict(), "created": _utc(row.created)}
    # Another process may have moved it meanwhile.
    attempt(
        connection,
        insert(permalinks).values(ident=ident, **values, last_accessed=at, requested=0),
    )
    connection.execute(delete(run_permalinks).where(run_permalinks.c.ident == ident))
    return True


def _add_counts(connection: Connection, counts: Mapping[str, int], at: datetime) -> None:
    for ident, count in counts.items():
        _keep(connection, ident, at)  # even if it has expired since it was found
        before = coalesce(permalinks.c.requested, 0)
        more = case((before > MOST_REQUESTED - count, MOST_REQUESTED), else_=before + count)
        mine = permalinks.c.ident == ident
        connection.execute(update(permalinks).where(mine).values(requested=more, last_accessed=at))
