"""The tables: permalinks, permalinks of runs, files, the blobs that files share, and totals.

Only types that SQLite and PostgreSQL both have. The migrations build these tables;
a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

#: SageMathCell's own table, so that its database can be taken over as it is: old ids
#: resolve, and times are UTC without a zone.
permalinks = Table(
    "permalinks",
    metadata,
    Column("ident", String(64), primary_key=True),
    Column("code", Text),
    Column("language", Text),
    Column("interacts", Text),
    Column("created", DateTime),
    Column("last_accessed", DateTime),
    Column("requested", Integer),
)

#: Programs that a run asked to store. They expire; those that stay are moved to `permalinks`.
#: `size` counts the bytes of the texts, which come after it: adding up sizes does not read them.
run_permalinks = Table(
    "run_permalinks",
    metadata,
    Column("ident", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("created", Double, nullable=False),
    Column("code", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("interacts", Text, nullable=False),
    Index("ix_run_permalinks_created", "created"),
)

#: Keys that must not leave the database, each created at its first use.
secrets = Table(
    "secrets",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

#: Bytes that are stored of what has a limit, at most: a count corrects them. `counts` is how many there
#: were, so that two processes do not make the same correction.
totals = Table(
    "totals",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("counts", BigInteger, nullable=False),
)

#: Contents of files. Without a digest: an upload in progress, left by a crash, or being deleted.
blobs = Table(
    "blobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("digest", String(64), unique=True),
    Column("size", BigInteger, nullable=False),
    Column("created", Double, nullable=False),
)

#: The bytes of a blob, in rows of bounded size that begin at `start`.
chunks = Table(
    "chunks",
    metadata,
    Column("blob_id", ForeignKey("blobs.id", ondelete="CASCADE"), primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

#: Files by kernel and name. Several may have the same contents.
files = Table(
    "files",
    metadata,
    Column("kernel_id", String(64), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("blob_id", ForeignKey("blobs.id"), nullable=False),
    Column("mtime", Double, nullable=False),
    Column("created", Double, nullable=False),
    Index("ix_files_blob_id", "blob_id"),
    Index("ix_files_created", "created"),
)
