"""What is stored in a database, and what is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from attrs import define, field
from sqlalchemy import Connection, func, select

from sagecell_tx.store.database import Backend, alembic_config
from sagecell_tx.store.permalinks import KEY_NAME, KEY_SIZE
from sagecell_tx.store.schema import (
    blobs,
    chunks,
    files,
    metadata,
    permalinks,
    run_permalinks,
    secrets,
)

# Faults of one kind that are named.
_NAMED = 10


@define
class Report:
    """Sentences about a database."""

    facts: list[str] = field(factory=list)
    faults: list[str] = field(factory=list)


def versions(connection: Connection) -> tuple[str, str]:
    """The version of the tables, empty if there are none, and the one that this program needs."""
    present = MigrationContext.configure(connection).get_current_revision()
    needed = ScriptDirectory.from_config(alembic_config()).get_current_head()
    return present or "", needed or ""


def checked(backend: Backend, *, contents: bool) -> Report:
    """Check a database; with `contents`, all contents of files are read. Changes nothing."""
    report = Report()
    report.facts.append(backend.place)
    with backend.reading() as connection:
        report.faults += backend.faults(connection)
        present, needed = versions(connection)
        report.facts.append(f"version of the tables: {present or 'none'}")
        if present != needed:
            report.faults.append(
                f"this program needs version {needed} of the tables: sagecell-tx db upgrade"
            )
            return report
        for difference in compare_metadata(MigrationContext.configure(connection), metadata)[
            :_NAMED
        ]:
            if _is_ours(difference):
                report.faults.append(f"the tables are not as this program makes them: {difference}")
        report.facts += _amounts(connection)
        report.faults += _key(connection)
        report.faults += _incomplete(connection)
        if contents:
            report.faults += _changed(connection)
    return report


def _is_ours(difference: object) -> bool:
    """Whether a difference matters: other tables, and the types of SageMathCell's, do not."""
    text = str(difference)
    return "remove_table" not in text and "'permalinks'" not in text


def _amounts(connection: Connection) -> Iterator[str]:
    def count(query: object) -> int:
        return int(connection.scalar(query) or 0)  # type: ignore[call-overload]

    yield f"permalinks: {count(select(func.count()).select_from(permalinks)):,}"
    runs = count(select(func.count()).select_from(run_permalinks))
    bytes_of_runs = count(select(func.sum(run_permalinks.c.size)))
    yield f"permalinks of runs: {runs:,}, with {bytes_of_runs:,} bytes"
    stored = count(select(func.count()).select_from(files))
    complete = blobs.c.digest.is_not(None)
    bytes_of_files = count(select(func.sum(blobs.c.size)).where(complete))
    yield f"files: {stored:,}, with {bytes_of_files:,} bytes of contents"
    uploads = count(select(func.count()).select_from(blobs).where(blobs.c.digest.is_(None)))
    yield f"uploads under way, or left by a crash: {uploads:,}"


def _key(connection: Connection) -> Iterator[str]:
    key = connection.scalar(select(secrets.c.value).where(secrets.c.name == KEY_NAME))
    if key is None:
        if connection.scalar(select(permalinks.c.ident).limit(1)) is not None:
            yield (
                "there are permalinks, but not their key: a program that is shared again gets another id. "
                "All links work"
            )
    elif len(bytes(key)) != KEY_SIZE:
        yield f"the key of permalinks has {len(bytes(key))} bytes, and not {KEY_SIZE}"


def _incomplete(connection: Connection) -> Iterator[str]:
    """Files whose contents are not there, or have another length."""
    begun = select(files.c.kernel_id, files.c.name).join_from(files, blobs)
    for kernel_id, name in connection.execute(begun.where(blobs.c.digest.is_(None)).limit(_NAMED)):
        yield f"file {kernel_id}/{name}: its contents were deleted"
    length = func.coalesce(func.sum(func.length(chunks.c.data)), 0)
    sizes = (
        select(blobs.c.digest, blobs.c.size, length)
        .outerjoin_from(blobs, chunks)
        .where(blobs.c.digest.is_not(None))
        .group_by(blobs.c.id, blobs.c.digest, blobs.c.size)
        .having(length != blobs.c.size)
        .limit(_NAMED)
    )
    for digest, size, found in connection.execute(sizes):
        yield f"contents {digest}: {found:,} bytes of {size:,} are there"


def _changed(connection: Connection) -> Iterator[str]:
    """Contents that do not have their digest; each is read in pieces."""
    complete = select(blobs.c.id, blobs.c.digest).where(blobs.c.digest.is_not(None))
    for ident, digest in connection.execute(complete.order_by(blobs.c.id)).all():
        hashed = hashlib.sha256()
        starts = select(chunks.c.start).where(chunks.c.blob_id == ident).order_by(chunks.c.start)
        for start in connection.scalars(starts).all():
            piece = select(chunks.c.data).filter_by(blob_id=ident, start=start)
            hashed.update(bytes(connection.scalars(piece).one()))
        if hashed.hexdigest() != digest:
            yield f"contents {digest}: they were changed"
