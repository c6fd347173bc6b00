"""A database as lines of an archive: what was stored at one moment, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Connection, exists, select, tuple_
from sqlalchemy.sql.selectable import Select

from sagecell_tx.store.schema import blobs, chunks, files, permalinks, run_permalinks, secrets
from sagecell_tx.store.transfer.archive import encoded

# Rows that are in memory. A program may have some megabytes.
_AT_ONCE = 50


def exported(connection: Connection, *, with_files: bool) -> Iterator[dict[str, Any]]:
    """The lines of a database, as a transaction that reads one state of it sees them."""
    for row in _rows(connection, select(secrets), secrets.c.name):
        yield {"kind": "secret", "name": row["name"], "value": encoded(bytes(row["value"]))}
    for row in _rows(connection, select(permalinks), permalinks.c.ident):
        yield {
            "kind": "permalink",
            **row,
            "created": row["created"] and row["created"].isoformat(),
            "last_accessed": row["last_accessed"] and row["last_accessed"].isoformat(),
        }
    for row in _rows(connection, select(run_permalinks), run_permalinks.c.ident):
        del row["size"]
        yield {"kind": "run", **row}
    if with_files:
        yield from _files(connection)


def _files(connection: Connection) -> Iterator[dict[str, Any]]:
    used = exists().where(files.c.blob_id == blobs.c.id)
    for blob in _rows(connection, select(blobs).where(used), blobs.c.id):
        yield {"kind": "contents", "digest": blob["digest"], "size": blob["size"]}
        pieces = select(chunks.c.start).where(chunks.c.blob_id == blob["id"])
        for start in connection.scalars(pieces.order_by(chunks.c.start)).all():
            piece = select(chunks.c.data).filter_by(blob_id=blob["id"], start=start)
            yield {"kind": "data", "bytes": encoded(bytes(connection.scalars(piece).one()))}
        # At once: while a server uses the database of an import, it deletes contents without files.
        named = select(files.c.kernel_id, files.c.name, files.c.mtime, files.c.created)
        mine = named.where(files.c.blob_id == blob["id"])
        for row in _rows(connection, mine, files.c.kernel_id, files.c.name):
            yield {"kind": "file", **row, "digest": blob["digest"]}


def _rows(
    connection: Connection, query: Select[Any], *key: Column[Any]
) -> Iterator[dict[str, Any]]:
    """The rows of a query in the order of their unique key, some at a time."""
    ordered = query.order_by(*key).limit(_AT_ONCE)
    part = connection.execute(ordered).mappings().all()
    while part:
        yield from map(dict, part)
        last = tuple(part[-1][column.name] for column in key)
        part = connection.execute(ordered.where(tuple_(*key) > last)).mappings().all()
