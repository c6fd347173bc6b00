"""What each command of ``sagecell-tx db`` is: options that say which database, and failures in one sentence."""

from __future__ import annotations

import argparse
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from sagecell_tx.commands.failing import failed
from sagecell_tx.config import ConfigError
from sagecell_tx.sessions.interfaces import StoreFull
from sagecell_tx.store.transfer import archive

_WHICH = """\
which database:
  --config FILE      the one that the server's settings name
  --state-dir DIR    DIR/sagecell.db, unless the settings name another
  --database URL     sqlite:////path/of/a/file or postgresql://user@host/name
  none of these      var/sagecell.db

Run the command as the account that the server runs as.

exit status:
  0 if it succeeded, 1 if something is wrong, 2 if the command line is wrong.
"""


def subcommand(
    kinds: Any,
    name: str,
    short: str,
    description: str,
    run: Callable[[argparse.Namespace], int],
    examples: str = "",
) -> argparse.ArgumentParser:
    """Add a command to `kinds`; `run` returns its exit status."""
    parser: argparse.ArgumentParser = kinds.add_parser(
        name,
        help=short,
        description=description,
        epilog=examples + _WHICH,
        formatter_class=argparse.RawDescriptionHelpFormatter if examples else _Filled,
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--config", metavar="FILE", type=Path, help="the server's settings file")
    which.add_argument("--database", metavar="URL", help="the database, as a URL")
    parser.add_argument(
        "--state-dir", metavar="DIR", type=Path, help="the server's state directory"
    )
    parser.set_defaults(run=lambda options: _guarded(run, options), file="")
    return parser


class _Filled(argparse.RawDescriptionHelpFormatter):
    """Fills the description, which is one line, and keeps the lines of the epilog."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)


def _guarded(run: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """Run a command; what fails is one sentence."""
    umask = os.umask(0o077)  # only this account may read the database
    try:
        return run(options)
    except (ConfigError, CommandError, StoreFull) as error:
        return failed(str(error))
    except archive.Invalid as error:
        return failed(f"{options.file or options.sagemathcell}: {error}")
    except (SQLAlchemyError, sqlite3.Error) as error:
        return failed(f"database: {str(getattr(error, 'orig', None) or error).splitlines()[0]}")
    except KeyboardInterrupt:
        return failed("interrupted; nothing is half-done", 130)
    finally:
        os.umask(umask)
