"""``sagecell-tx db check``."""

from __future__ import annotations

import argparse
from typing import Any

from sagecell_tx.commands.db.opening import opened, say
from sagecell_tx.commands.db.subcommand import subcommand
from sagecell_tx.store.transfer.checking import checked


def add(kinds: Any) -> None:
    """Add the command."""
    check = subcommand(
        kinds,
        "check",
        "show what is stored, and what is wrong",
        "Shows which database it is, what is stored there and what is wrong, and changes nothing. "
        "Servers may use the database at the same time.",
        _check,
    )
    check.add_argument(
        "--contents",
        action="store_true",
        help="read all files, and compare them with their digests",
    )


def _check(options: argparse.Namespace) -> int:
    with opened(options, reads_only=True) as backend:
        report = checked(backend, contents=options.contents)
    for fact in report.facts:
        say(fact)
    for fault in report.faults:
        say(f"WRONG: {fault}")
    if not report.faults:
        say("nothing is wrong")
    return 1 if report.faults else 0
