"""Permalinks of runs, which expire."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create their table. Older permalinks are not changed: they do not expire."""
    op.create_table(
        "run_permalinks",
        sa.Column("ident", sa.String(64), primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("interacts", sa.Text, nullable=False),
    )
    op.create_index("ix_run_permalinks_created", "run_permalinks", ["created"])
