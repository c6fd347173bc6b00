"""``sagecell-tx``: commands for operators. The server itself is ``twistd sagecell-tx``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sagecell_tx import __version__
from sagecell_tx.upgrade import upgraded


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. Raises SystemExit for an invalid command line."""
    options = parser().parse_args(argv)
    try:
        sys.stdout.write(options.run(options))
    except OSError as error:
        return _failed(f"{options.file}: {error.strerror}")
    except ValueError as error:
        return _failed(f"{options.file}: {error}")
    return 0


def parser() -> argparse.ArgumentParser:
    """The argument parser. Each command sets `run`, which returns the text to print."""
    made = argparse.ArgumentParser(
        prog="sagecell-tx", epilog="To start the server, run: twistd sagecell-tx"
    )
    made.add_argument("--version", action="version", version=f"sagecell-tx {__version__}")
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    settings = commands.add_parser("settings", help="commands for settings files")
    settings_commands = settings.add_subparsers(required=True, metavar="COMMAND")
    upgrade = settings_commands.add_parser(
        "upgrade",
        help="print a settings file with the current names",
        description="Print a settings file in which every former name is replaced by the current "
        "one. Comments are kept. The file itself is not changed.",
    )
    upgrade.add_argument("file", metavar="FILE", type=Path, help="a TOML file with settings")
    upgrade.set_defaults(run=_upgrade)
    return made


def _upgrade(options: argparse.Namespace) -> str:
    return upgraded(options.file.read_text(encoding="utf-8"))


def _failed(why: str) -> int:
    print(f"sagecell-tx: {why}", file=sys.stderr)  # noqa: T201
    return 1
