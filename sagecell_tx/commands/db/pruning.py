"""``sagecell-tx db prune``."""

from __future__ import annotations

import argparse
from typing import Any

from sagecell_tx.commands.db.opening import need_current, now, opened, say, settings_of
from sagecell_tx.commands.db.subcommand import subcommand
from sagecell_tx.commands.failing import failed
from sagecell_tx.store.sqlite import SQLite
from sagecell_tx.store.transfer.pruning import pruned


def add(kinds: Any) -> None:
    """Add the command."""
    prune = subcommand(
        kinds,
        "prune",
        "delete what has expired",
        "Deletes files and permalinks of runs that have expired according to the settings, and what a "
        "crash left. Permalinks that were shared or opened always stay. Servers may use the database at "
        "the same time.",
        _prune,
    )
    prune.add_argument(
        "--files-older-than",
        metavar="HOURS",
        type=_hours,
        help="delete files that are older than this, whatever the settings say",
    )
    prune.add_argument(
        "--runs-older-than", metavar="HOURS", type=_hours, help="the same, for permalinks of runs"
    )
    prune.add_argument(
        "--compact",
        action="store_true",
        help="give the freed space back to the system, which can take long; no server may be using an SQLite database",
    )


def _hours(text: str) -> float:
    """Hours as seconds; raises ArgumentTypeError for anything else."""
    try:
        hours = float(text)
    except ValueError:
        hours = -1.0
    if not 0 <= hours < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of hours")
    return hours * 3600


def _prune(options: argparse.Namespace) -> int:
    limits, time = settings_of(options).limits, now()
    files, runs = options.files_older_than, options.runs_older_than
    retention = limits.files.retention_seconds
    with opened(options) as backend:
        say(backend.place)
        need_current(backend)
        if options.compact and isinstance(backend, SQLite) and backend.in_use():
            return failed("a server has the database open, and would wait; stop it to compact it")
        gone = pruned(
            backend,
            files_before=time - (retention if files is None else files),
            uploads_before=time - retention,  # as servers do: younger ones may be under way
            runs_before=time - (limits.requests.run_permalink_seconds if runs is None else runs),
        )
        if options.compact:
            backend.compact()
    for kind, number in sorted(gone.items()):
        say(f"{kind}: {number:,} deleted")
    return 0
