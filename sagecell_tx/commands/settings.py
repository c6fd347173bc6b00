"""``sagecell-tx settings``: commands for settings files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from sagecell_tx.upgrade import upgraded


def add(commands: Any) -> None:
    """Add the command ``settings``."""
    settings = commands.add_parser("settings", help="commands for settings files")
    settings_commands = settings.add_subparsers(required=True, metavar="COMMAND")
    upgrade = settings_commands.add_parser(
        "upgrade",
        help="print a settings file with the current names",
        description="Prints a settings file in which every former name is replaced by the current "
        "one. Comments are kept. The file itself is not changed.",
    )
    upgrade.add_argument("file", metavar="FILE", type=Path, help="a TOML file with settings")
    upgrade.set_defaults(run=_upgrade)


def _upgrade(options: argparse.Namespace) -> int:
    sys.stdout.write(upgraded(options.file.read_text(encoding="utf-8")))
    return 0
