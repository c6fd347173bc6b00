"""``sagecell-tx db upgrade``."""

from __future__ import annotations

import argparse
from typing import Any

from sagecell_tx.commands.db.opening import opened, say, table_versions, upgrade_tables
from sagecell_tx.commands.db.subcommand import subcommand
from sagecell_tx.commands.failing import failed


def add(kinds: Any) -> None:
    """Add the command."""
    upgrade = subcommand(
        kinds,
        "upgrade",
        "bring the tables up to date",
        "Brings the tables up to date, in one transaction, as a server does when it starts. This cannot "
        "be undone: make a backup first.",
        _upgrade,
    )
    upgrade.add_argument(
        "--while-in-use",
        action="store_true",
        help="upgrade even if a server, which may be of an older version, has the database open",
    )


def _upgrade(options: argparse.Namespace) -> int:
    with opened(options, may_be_new=True) as backend:
        say(backend.place)
        present, needed = table_versions(backend)
        if present == needed:
            say(f"the tables have version {needed} already")
            return 0
        if not options.while_in_use and backend.in_use():
            return failed(
                "a server has the database open; stop it first, or give --while-in-use if it can work "
                "with the new tables"
            )
        upgrade_tables(backend)
    say(f"upgraded the tables from version {present or 'none'} to {needed}")
    return 0
