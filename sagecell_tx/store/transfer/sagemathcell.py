"""The permalinks of SageMathCell, from its table ``permalinks`` in SQLite or PostgreSQL.

Ids stay as they are, six letters or UUIDs. Texts may be missing there, and are then missing here.
SQLite's own program may have put anything into the table, so nothing of it is believed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Select,
    column,
    create_engine,
    inspect,
    literal_column,
    make_url,
    select,
    table,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from sagecell_tx.config import ConfigError
from sagecell_tx.store.database import Backend
from sagecell_tx.store.permalinks import MOST_REQUESTED
from sagecell_tx.store.postgresql import open_postgresql
from sagecell_tx.store.schema import permalinks
from sagecell_tx.store.transfer.archive import Invalid
from sagecell_tx.store.transfer.importing import Imported, PermalinkImport
from sagecell_tx.wire.codelink import clean_ident, clean_text
from sagecell_tx.wire.messages import WireError

# Rows in memory.
_AT_ONCE = 50

# The number that each row of a table has in SQLite.
_ROWID: ColumnElement[int] = literal_column("rowid", Integer)

_TEXTS = ("code", "language", "interacts")
_TIMES = ("created", "last_accessed")


@contextmanager
def open_source(source: str) -> Iterator[Connection]:
    """A transaction that reads SageMathCell's database: a URL, or a file of SQLite.

    Nothing is changed there. Raises `ConfigError`.
    """
    engine = _engine(source)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _engine(source: str) -> Engine:
    if "://" not in source or source.startswith("sqlite:///"):
        path = Path(source.removeprefix("sqlite:///"))
        if not path.is_file():
            raise ConfigError(f"{path}: there is no such file")
        return _sqlite(path)
    try:
        url = make_url(source)
    except (ArgumentError, ValueError):  # without its cause, which may have a part of a password
        raise ConfigError("the source is neither a file nor a URL") from None
    if url.get_backend_name() != "postgresql":
        raise ConfigError("the source is neither SQLite nor PostgreSQL")
    # SageMathCell's may name another driver.
    plain = url.set(drivername="postgresql")
    reading = open_postgresql(plain, connections=1, bounded=False).engine
    return reading.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _sqlite(path: Path) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        # Text need not be UTF-8 there.
        connection.text_factory = lambda text: text.decode("utf-8", "replace")
        return connection

    return create_engine("sqlite://", creator=connect)


def take_over(source: Connection, backend: Backend) -> Imported:
    """Add SageMathCell's permalinks to a database. Raises `Invalid` if `source` has none."""
    outcome = Imported()
    importing = PermalinkImport(
        backend=backend, table=permalinks, called="permalinks", outcome=outcome
    )
    try:
        for row in _rows(source):
            cleaned = _cleaned(row)
            if cleaned is None:
                outcome.skipped["rows whose id or text no link can have"] += 1
            else:
                importing.add(cleaned)
    finally:
        importing.flush()
    return outcome


def _rows(source: Connection) -> Iterator[dict[str, Any]]:
    try:
        found = {each["name"] for each in inspect(source).get_columns("permalinks")}
    except SQLAlchemyError as error:
        raise Invalid("the source has no table of permalinks") from error
    if not {"ident", "code"} <= found:
        raise Invalid("the source's table of permalinks is not SageMathCell's")
    names = [name for name in ("ident", *_TEXTS, *_TIMES, "requested") if name in found]
    # Columns without a type: the values are as they are stored.
    theirs = table("permalinks", *map(column, names))
    if source.dialect.name == "sqlite":
        if "rowid" in map(str.lower, found):
            raise Invalid("the source's table of permalinks is not SageMathCell's")
        yield from _pages(source, select(_ROWID.label("rowid"), theirs))
    else:
        with source.execute(select(theirs), execution_options={"yield_per": _AT_ONCE}) as rows:
            yield from map(dict, rows.mappings())


def _pages(source: Connection, query: Select[Any]) -> Iterator[dict[str, Any]]:
    """The rows of a query in SQLite, some at a time, so that its server can write in between.

    By number: ids, which are in no order if they are bytes or not UTF-8, might never come to an end.
    """
    ordered = query.order_by(_ROWID).limit(_AT_ONCE)
    part = source.execute(ordered).mappings().all()
    while part:
        yield from map(dict, part)
        part = source.execute(ordered.where(part[-1]["rowid"] < _ROWID)).mappings().all()


def _cleaned(row: dict[str, Any]) -> dict[str, Any] | None:
    """The row of our table; None if it cannot be one."""
    if row["ident"] is None:
        return None
    try:
        ident = clean_ident(str(row["ident"]))
        texts = {name: _text(row.get(name)) for name in _TEXTS}
    except WireError:
        return None
    requested = row.get("requested")
    return {
        "ident": ident,
        **texts,
        **{name: _time(row.get(name)) for name in _TIMES},
        "requested": requested
        if type(requested) is int and 0 <= requested <= MOST_REQUESTED
        else 0,
    }


def _text(value: object) -> str | None:
    return None if value is None else clean_text(str(value))


def _time(value: object) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    try:
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    except OverflowError:
        return None
