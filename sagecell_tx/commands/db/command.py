"""``sagecell-tx db`` and its commands."""

from __future__ import annotations

from typing import Any

from sagecell_tx.commands.db import checking, exporting, importing, pruning, upgrading

_DB = """\
Commands for the database of permalinks and files, in SQLite or PostgreSQL. Each shows which database
it works on, and what it did there.
"""


def add(commands: Any) -> None:
    """Add the command ``db``."""
    db = commands.add_parser("db", help="check, move and prune the database", description=_DB)
    kinds = db.add_subparsers(required=True, metavar="COMMAND")
    checking.add(kinds)
    upgrading.add(kinds)
    exporting.add(kinds)
    importing.add(kinds)
    pruning.add(kinds)
