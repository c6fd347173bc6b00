"""What an archive has, added to a database. What is there already stays.

Each transaction is short, and leaves nothing half-written, so that servers may use the database
meanwhile. After an interruption, the import is repeated: it skips what it finds.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import define, field
from sqlalchemy import Connection, Table, delete, insert, select, update

from sagecell_tx.store.database import Backend
from sagecell_tx.store.permalinks import KEY_NAME, KEY_SIZE, MOST_REQUESTED
from sagecell_tx.store.room import forget_totals
from sagecell_tx.store.schema import blobs, chunks, files, permalinks, run_permalinks, secrets
from sagecell_tx.store.transfer.archive import Invalid, Line
from sagecell_tx.store.uploads import CHUNK

if TYPE_CHECKING:
    from hashlib import _Hash

#: Permalinks in one transaction, and their characters.
_AT_ONCE, _CHARACTERS = 100, 4 * 1024 * 1024

#: How many ids are named in the report.
_NAMED = 10

#: Why a file is skipped.
NO_CONTENTS = "files whose contents are not there"


@define
class Imported:
    """How many of each kind were added, and how many were there already, by their names in the plural.

    `conflicts` has the ids that stand for another program in the database.
    """

    added: Counter[str] = field(factory=Counter)
    present: Counter[str] = field(factory=Counter)
    skipped: Counter[str] = field(factory=Counter)  # by the reason
    conflicts: list[str] = field(factory=list)
    keeps_own_key: bool = False

    @property
    def complete(self) -> bool:
        """Whether all that could be added is there now."""
        return not self.conflicts and not self.skipped[NO_CONTENTS]

    def sentences(self) -> Iterator[str]:
        """What was done, for the operator."""
        for kind in sorted({*self.added, *self.present}):
            yield f"{kind}: {self.added[kind]:,} added, {self.present[kind]:,} there already"
        for why, count in sorted(self.skipped.items()):
            yield f"{count:,} skipped: {why}"
        if self.keeps_own_key:
            yield (
                "The database keeps its own key of permalinks: a program that is shared again gets "
                "another id than before. All links work."
            )
        if self.conflicts:
            named = ", ".join(self.conflicts[:_NAMED])
            more = ", ..." if len(self.conflicts) > _NAMED else ""
            yield (
                f"{len(self.conflicts):,} ids lead to another program in the database, which stays: "
                f"{named}{more}"
            )


@define(kw_only=True)
class PermalinkImport:
    """Adds rows to a table of permalinks, some in one transaction."""

    backend: Backend
    table: Table
    called: str
    outcome: Imported
    _rows: dict[str, Mapping[str, Any]] = field(factory=dict, init=False)
    _characters: int = field(default=0, init=False)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row, now or later. A second one of its id is as if it were in the database."""
        if row["ident"] in self._rows:
            self.flush()
        self._rows[row["ident"]] = row
        self._characters += sum(len(row[name] or "") for name in _TEXTS)
        if len(self._rows) >= _AT_ONCE or self._characters >= _CHARACTERS:
            self.flush()

    def flush(self) -> None:
        """Add all rows."""
        if self._rows:
            with self.backend.writing() as connection:
                self.backend.check_room(connection)
                added, conflicts = self._store(connection)
            self.outcome.added[self.called] += added
            self.outcome.present[self.called] += len(self._rows) - added - len(conflicts)
            self.outcome.conflicts += conflicts
        self._rows, self._characters = {}, 0

    def _store(self, connection: Connection) -> tuple[int, list[str]]:
        known = {}
        # A permalink of a run may have become one that stays.
        for table in (permalinks, self.table):
            query = select(table.c.ident, table.c.code, table.c.language, table.c.interacts)
            for row in connection.execute(query.where(table.c.ident.in_(self._rows))):
                known[row.ident] = (row.code, row.language, row.interacts)
        new = [dict(row) for ident, row in self._rows.items() if ident not in known]
        if new:
            connection.execute(insert(self.table), new)
        if self.table is permalinks:
            moved = run_permalinks.c.ident.in_([row["ident"] for row in new])
            connection.execute(delete(run_permalinks).where(moved))
        return len(new), [
            ident for ident, program in known.items() if program != _program(self._rows[ident])
        ]


def _program(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["code"], row["language"], row["interacts"]


@define(kw_only=True)
class _Contents:
    """Contents that are being added; without an `ident` they are there already."""

    digest: str
    size: int
    ident: str | None
    stored: int = 0
    hashed: _Hash = field(factory=hashlib.sha256)


@define(kw_only=True)
class Import:
    """One import. `now` is in seconds since the epoch."""

    backend: Backend
    now: Callable[[], float]
    outcome: Imported = field(factory=Imported)
    _kept: PermalinkImport = field(init=False)
    _runs: PermalinkImport = field(init=False)
    _contents: _Contents | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._kept = PermalinkImport(
            backend=self.backend, table=permalinks, called="permalinks", outcome=self.outcome
        )
        self._runs = PermalinkImport(
            backend=self.backend,
            table=run_permalinks,
            called="permalinks of runs",
            outcome=self.outcome,
        )

    def run(self, lines: Iterable[Line]) -> None:
        """Add all lines. Raises `Invalid`; those before the invalid one are added.

        Raises `StoreFull` when the disk has no more room, and what was added stays.
        """
        try:
            try:
                for line in lines:
                    self._add(line)
                self._end_contents()
            finally:
                self._discard()
                self._kept.flush()
                self._runs.flush()
        finally:
            with self.backend.writing() as connection:
                forget_totals(connection)

    def _add(self, line: Line) -> None:
        if line.kind == "data":
            self._add_data(line)
            return
        self._end_contents()
        match line.kind:
            case "secret":
                self._add_secret(line)
            case "permalink":
                self._kept.add(
                    {
                        **_texts(line),
                        "created": line.time("created"),
                        "last_accessed": line.time("last_accessed"),
                        "requested": self._requested(line),
                    }
                )
            case "run":
                row = {**_texts(line), "created": self._created(line)}
                size = sum(len(each.encode()) for each in map(line.text, _TEXTS))
                self._runs.add({**row, "size": size})
            case "contents":
                self._begin_contents(line)
            case "file":
                self._add_file(line)
            case kind:
                raise line.invalid(f"{kind!r} is unknown")

    def _requested(self, line: Line) -> int | None:
        if line.fields.get("requested") is None:
            return None
        return min(line.whole("requested"), MOST_REQUESTED)

    def _created(self, line: Line) -> float:
        """When something was stored that expires. It cannot be later than now, or it would not expire."""
        return min(line.seconds("created"), self.now())

    def _add_secret(self, line: Line) -> None:
        name, value = line.text("name"), line.data("value")
        if name != KEY_NAME or len(value) != KEY_SIZE:
            raise line.invalid("not the key of permalinks")
        with self.backend.writing() as connection:
            known = connection.scalar(select(secrets.c.value).where(secrets.c.name == name))
            if known is None:
                connection.execute(insert(secrets).values(name=name, value=value))
            elif bytes(known) != value:
                self.outcome.keeps_own_key = True

    # --- files

    def _begin_contents(self, line: Line) -> None:
        digest, size = line.digest("digest"), line.whole("size")
        with self.backend.writing() as connection:
            self.backend.check_room(connection)
            ident = None
            if connection.scalar(select(blobs.c.id).where(blobs.c.digest == digest)) is None:
                # As an upload that begins now, which no sweep takes for one that a crash left.
                ident = uuid.uuid4().hex
                connection.execute(insert(blobs).values(id=ident, size=0, created=self.now()))
        self._contents = _Contents(digest=digest, size=size, ident=ident)

    def _add_data(self, line: Line) -> None:
        contents, data = self._contents, line.data("bytes")
        if contents is None:
            raise line.invalid("data of no contents")
        if not data or len(data) > CHUNK or contents.stored % CHUNK:
            raise line.invalid("its contents are in other pieces than those of a database")
        if contents.stored + len(data) > contents.size:
            raise line.invalid("its contents have more bytes than they should have")
        if contents.ident is not None:
            with self.backend.writing() as connection:
                self.backend.check_room(connection)
                row = {"blob_id": contents.ident, "start": contents.stored, "data": data}
                connection.execute(insert(chunks).values(row))
            contents.hashed.update(data)
        contents.stored += len(data)

    def _end_contents(self) -> None:
        contents = self._contents
        if contents is None:
            return
        if contents.ident is not None:
            found = contents.hashed.hexdigest(), contents.stored
            if found != (contents.digest, contents.size):
                raise Invalid(f"the contents with the digest {contents.digest} are others")
            with self.backend.writing() as connection:
                other = select(blobs.c.id).where(blobs.c.digest == contents.digest)
                mine = blobs.c.id == contents.ident
                if connection.scalar(other) is None:
                    complete = {"digest": contents.digest, "size": contents.size}
                    connection.execute(update(blobs).where(mine).values(complete))
                else:  # a server has stored the same meanwhile
                    connection.execute(delete(blobs).where(mine))
        self._contents = None

    def _discard(self) -> None:
        """Delete contents that are not complete."""
        if self._contents is not None and self._contents.ident is not None:
            with self.backend.writing() as connection:
                connection.execute(delete(blobs).where(blobs.c.id == self._contents.ident))

    def _add_file(self, line: Line) -> None:
        key = {"kernel_id": line.ident("kernel_id"), "name": line.path("name")}
        digest = line.digest("digest")
        times = {"mtime": line.seconds("mtime"), "created": self._created(line)}
        with self.backend.writing() as connection:
            self.backend.check_room(connection)
            blob_id = connection.scalar(select(blobs.c.id).where(blobs.c.digest == digest))
            known = connection.scalar(select(files.c.name).filter_by(**key))
            if known is None and blob_id is not None:
                connection.execute(insert(files).values(**key, **times, blob_id=blob_id))
        if known is not None:
            self.outcome.present["files"] += 1
        elif blob_id is not None:
            self.outcome.added["files"] += 1
        else:  # a sweep of a running server has deleted them meanwhile
            self.outcome.skipped[NO_CONTENTS] += 1


_TEXTS = ("code", "language", "interacts")


def _texts(line: Line) -> dict[str, Any]:
    return {"ident": line.ident("ident"), **{name: line.optional_text(name) for name in _TEXTS}}
