"""Permalinks and files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade an empty database, or SageMathCell's, whose table of permalinks is kept."""
    if not sa.inspect(op.get_bind()).has_table("permalinks"):
        op.create_table(
            "permalinks",
            sa.Column("ident", sa.String(64), primary_key=True),
            sa.Column("code", sa.Text),
            sa.Column("language", sa.Text),
            sa.Column("interacts", sa.Text),
            sa.Column("created", sa.DateTime),
            sa.Column("last_accessed", sa.DateTime),
            sa.Column("requested", sa.Integer),
        )
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "blobs",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("digest", sa.String(64), unique=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
    )
    op.create_table(
        "chunks",
        sa.Column(
            "blob_id",
            sa.String(32),
            sa.ForeignKey("blobs.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("start", sa.BigInteger, primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "files",
        sa.Column("kernel_id", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("blob_id", sa.String(32), sa.ForeignKey("blobs.id"), nullable=False),
        sa.Column("mtime", sa.Double, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
    )
    op.create_index("ix_files_blob_id", "files", ["blob_id"])
    op.create_index("ix_files_created", "files", ["created"])
