"""``sagecell-tx db``: commands for the database of permalinks and files."""

from __future__ import annotations

import argparse
import gzip
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from sagecell_tx.commands.failing import failed
from sagecell_tx.config import Config, ConfigError, load
from sagecell_tx.sessions.interfaces import StoreFull
from sagecell_tx.store.database import Backend, greet, migrate, open_backend
from sagecell_tx.store.sqlite import SQLite
from sagecell_tx.store.transfer import archive
from sagecell_tx.store.transfer.checking import checked, versions
from sagecell_tx.store.transfer.exporting import exported
from sagecell_tx.store.transfer.importing import Import
from sagecell_tx.store.transfer.pruning import pruned
from sagecell_tx.store.transfer.sagemathcell import open_source, take_over

_DB = """\
Commands for the database of permalinks and files, in SQLite or PostgreSQL. Each says which database
it works on, and what it did there.
"""

_WHICH = """\
which database, as the account that the server runs as:
  --config FILE      the one that the server's settings name
  --state-dir DIR    sagecell.db there, unless the settings name another
  --database URL     sqlite:////path/of/a/file or postgresql://user@host/name
  none of these      var/sagecell.db

exit status:
  0 if all went well, 1 if something is wrong, 2 for a command line that is not understood.
"""

_EXPORT = """\
Writes the database to a file, as it is at this moment: permalinks and their key, permalinks of runs,
and files. The file is one JSON object in a line, for SQLite and PostgreSQL alike. Nobody else may read
it. Servers may use the database meanwhile.
"""

_EXPORT_MORE = """\
examples:
  sagecell-tx db export --config /etc/sagecell-tx.toml /backup/cells.jsonl.gz
  sagecell-tx db export --no-files - | ssh backup 'cat > links.jsonl'

"""

_IMPORT = """\
Adds to the database what FILE has, which `sagecell-tx db export` wrote, or the permalinks of a
SageMathCell server. What is there already stays as it is, so an import may be repeated: after an
interruption, or for what was added since. Servers may use the database meanwhile. A database that does
not exist is made.
"""

_IMPORT_MORE = """\
examples:
  sagecell-tx db import --database postgresql://cells@db.example.org/cells cells.jsonl.gz
  sagecell-tx db import --config /etc/sagecell-tx.toml --sagemathcell sqlite.db
  sagecell-tx db import --sagemathcell postgresql://sage@localhost/permalinks

"""


def add(commands: Any) -> None:
    """Add the command ``db``."""
    db = commands.add_parser("db", help="check, move and prune the database", description=_DB)
    kinds = db.add_subparsers(required=True, metavar="COMMAND")

    check = _command(
        kinds,
        "check",
        "say what is stored, and what is wrong",
        "Says which database it is, what is stored there and what is wrong, and changes nothing. "
        "Servers may use it meanwhile.",
        _check,
    )
    check.add_argument(
        "--contents",
        action="store_true",
        help="read all files, and compare them with their digests",
    )

    upgrade = _command(
        kinds,
        "upgrade",
        "bring the tables up to date",
        "Brings the tables up to date, in one transaction, as a server does when it starts. There is "
        "no way back but a backup.",
        _upgrade,
    )
    upgrade.add_argument(
        "--while-in-use",
        action="store_true",
        help="even if a server, which may be an older one, has the database open",
    )

    export = _command(kinds, "export", "write everything to a file", _EXPORT, _export, _EXPORT_MORE)
    export.add_argument(
        "file", metavar="FILE", help="where; compressed if it ends with .gz; - is standard output"
    )
    export.add_argument("--no-files", action="store_true", help="only permalinks")
    export.add_argument("--overwrite", action="store_true", help="replace FILE if it exists")

    importing = _command(
        kinds, "import", "add what a file or SageMathCell has", _IMPORT, _import, _IMPORT_MORE
    )
    source = importing.add_mutually_exclusive_group(required=True)
    source.add_argument("file", metavar="FILE", nargs="?", help="a file; - is standard input")
    source.add_argument(
        "--sagemathcell",
        metavar="SOURCE",
        help="SageMathCell's database: a file of SQLite, or the URL in its db_config",
    )

    prune = _command(
        kinds,
        "prune",
        "delete what has expired",
        "Deletes files and permalinks of runs that have expired, as the settings say, and what a crash "
        "left. Permalinks that were shared or opened always stay. Servers may use the database meanwhile.",
        _prune,
    )
    prune.add_argument(
        "--files-older-than", metavar="HOURS", type=_hours, help="instead of what the settings say"
    )
    prune.add_argument(
        "--runs-older-than", metavar="HOURS", type=_hours, help="the same for permalinks of runs"
    )
    prune.add_argument(
        "--compact",
        action="store_true",
        help="return the space to the system, which may take long; an SQLite database must not be in use",
    )


def _command(
    kinds: Any,
    name: str,
    short: str,
    description: str,
    run: Callable[[argparse.Namespace], int],
    examples: str = "",
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = kinds.add_parser(
        name,
        help=short,
        description=description,
        epilog=examples + _WHICH,
        formatter_class=argparse.RawDescriptionHelpFormatter if examples else _Filled,
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--config", metavar="FILE", type=Path, help="a file with the server's settings"
    )
    which.add_argument("--database", metavar="URL", help="the database itself")
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


def _hours(text: str) -> float:
    """Hours as seconds; raises ArgumentTypeError for anything else."""
    try:
        hours = float(text)
    except ValueError:
        hours = -1.0
    if not 0 <= hours < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of hours")
    return hours * 3600


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


def _settings(options: argparse.Namespace) -> Config:
    settings = load(options.config) if options.config else {}
    if options.state_dir:
        settings["state_dir"] = options.state_dir
    return Config(**settings)


def _now() -> float:
    return datetime.now(UTC).timestamp()


@contextmanager
def _opened(
    options: argparse.Namespace, *, may_be_new: bool = False, reads_only: bool = False
) -> Iterator[Backend]:
    """The database that the options name. Raises `ConfigError` if there is none."""
    settings = _settings(options)
    backend = open_backend(
        options.database or settings.database_url,
        connections=2,
        busy_timeout=60.0,
        reserve=settings.limits.files.disk_reserve_bytes,
        bounded=False,
        reads_only=reads_only,
    )
    try:
        if isinstance(backend, SQLite) and not may_be_new and not backend.path.is_file():
            raise ConfigError(f"database: there is no file {backend.path}")
        greet(backend)
        yield backend
    finally:
        backend.dispose()


def _need_current(backend: Backend) -> None:
    """Raises `ConfigError` unless the tables are those of this program."""
    with backend.reading() as connection:
        present, needed = versions(connection)
    if present != needed:
        raise ConfigError(
            f"database: its tables have version {present or 'none'}, and this program needs {needed}; "
            "first run: sagecell-tx db upgrade"
        )


def _say(sentence: str, *, aside: bool = False) -> None:
    print(sentence, file=sys.stderr if aside else sys.stdout)


# --- the commands


def _check(options: argparse.Namespace) -> int:
    with _opened(options, reads_only=True) as backend:
        report = checked(backend, contents=options.contents)
    for fact in report.facts:
        _say(fact)
    for fault in report.faults:
        _say(f"WRONG: {fault}")
    if not report.faults:
        _say("nothing is wrong")
    return 1 if report.faults else 0


def _upgrade(options: argparse.Namespace) -> int:
    with _opened(options, may_be_new=True) as backend:
        _say(backend.place)
        with backend.reading() as connection:
            present, needed = versions(connection)
        if present == needed:
            _say(f"the tables have version {needed} already")
            return 0
        if not options.while_in_use and backend.in_use():
            return failed(
                "a server has the database open; stop it first, or give --while-in-use if it can work "
                "with the new tables"
            )
        with backend.migrating() as connection:
            migrate(connection)
    _say(f"upgraded the tables from version {present or 'none'} to {needed}")
    return 0


def _export(options: argparse.Namespace) -> int:
    counts: dict[str, int] = {}

    def counted(lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for line in lines:
            counts[line["kind"]] = counts.get(line["kind"], 0) + 1
            yield line

    with _opened(options, reads_only=True) as backend:
        _say(backend.place, aside=True)
        _need_current(backend)
        with _target(options) as target, backend.reading() as connection:
            archive.write(target, counted(exported(connection, with_files=not options.no_files)))
    _say(
        f"wrote {counts.get('permalink', 0):,} permalinks, {counts.get('run', 0):,} permalinks of runs "
        f"and {counts.get('file', 0):,} files",
        aside=True,
    )
    return 0


@contextmanager
def _target(options: argparse.Namespace) -> Iterator[BinaryIO]:
    """Where an export goes. A file gets its name when it is complete."""
    if options.file == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(options.file)
    if path.exists() and not options.overwrite:
        raise ConfigError(f"{path} exists already; give --overwrite to replace it")
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as file:
            if path.suffix == ".gz":
                with gzip.GzipFile(path.name, "wb", 6, file) as packed:
                    yield cast(BinaryIO, packed)
            else:
                yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _import(options: argparse.Namespace) -> int:
    with _opened(options, may_be_new=True) as backend:
        _say(backend.place)
        with backend.reading() as connection:
            present, _ = versions(connection)
        if not present:
            with backend.migrating() as connection:
                migrate(connection)
        _need_current(backend)
        if options.sagemathcell:
            with open_source(options.sagemathcell) as source:
                outcome = take_over(source, backend)
        else:
            importing = Import(backend=backend, now=_now)
            outcome = importing.outcome
            try:
                with _source(options.file) as file:
                    importing.run(archive.read(file))
            except (archive.Invalid, StoreFull):
                for sentence in outcome.sentences():
                    _say(sentence)
                raise
    for sentence in outcome.sentences():
        _say(sentence)
    return 0 if outcome.complete else 1


@contextmanager
def _source(name: str) -> Iterator[BinaryIO]:
    """What is imported, uncompressed."""
    if name == "-":
        yield sys.stdin.buffer
        return
    with open(name, "rb") as file:
        packed = file.peek(2)[:2] == b"\x1f\x8b"
        yield cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file


def _prune(options: argparse.Namespace) -> int:
    limits, now = _settings(options).limits, _now()
    files, runs = options.files_older_than, options.runs_older_than
    retention = limits.files.retention_seconds
    with _opened(options) as backend:
        _say(backend.place)
        _need_current(backend)
        if options.compact and isinstance(backend, SQLite) and backend.in_use():
            return failed("a server has the database open, and would wait; stop it to compact it")
        gone = pruned(
            backend,
            files_before=now - (retention if files is None else files),
            uploads_before=now - retention,  # as servers do: younger ones may be under way
            runs_before=now - (limits.requests.run_permalink_seconds if runs is None else runs),
        )
        if options.compact:
            backend.compact()
    for kind, number in sorted(gone.items()):
        _say(f"{kind}: {number:,} deleted")
    return 0
