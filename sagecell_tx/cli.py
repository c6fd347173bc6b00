"""``sagecell-tx``: commands for operators and visitors. The server is ``twistd sagecell-tx``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from sagecell_tx import __version__
from sagecell_tx.commands import cluster, compute, drain, load, run, settings, status
from sagecell_tx.commands.db import command as db
from sagecell_tx.commands.failing import failed


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. Raises SystemExit for an invalid command line."""
    options = parser().parse_args(argv)
    try:
        result: int = options.run(options)
    except OSError as error:
        return failed(f"{error.filename or options.file}: {error.strerror}")
    except ValueError as error:
        return failed(f"{options.file}: {error}")
    return result


def parser() -> argparse.ArgumentParser:
    """The argument parser. Each command sets `run`, which returns the exit status."""
    made = argparse.ArgumentParser(
        prog="sagecell-tx", epilog="To start the server, run: twistd sagecell-tx"
    )
    made.add_argument("--version", action="version", version=f"sagecell-tx {__version__}")
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    cluster.add(commands)
    compute.add(commands)
    db.add(commands)
    run.add(commands)
    status.add(commands)
    drain.add(commands)
    load.add(commands)
    settings.add(commands)
    return made
