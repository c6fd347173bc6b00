"""``sagecell-tx db export``."""

from __future__ import annotations

import argparse
import gzip
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from sagecell_tx.commands.db.opening import need_current, opened, say
from sagecell_tx.commands.db.subcommand import subcommand
from sagecell_tx.config import ConfigError
from sagecell_tx.store.transfer import archive
from sagecell_tx.store.transfer.exporting import exported

_EXPORT = """\
Writes the contents of the database at this moment to a file: permalinks and the key that their ids are
made with, permalinks of runs, and files. Each line is a JSON object; the format is the same for SQLite
and PostgreSQL. Only your account may read the file. Servers may use the database at the same time.
"""

_EXPORT_MORE = """\
examples:
  sagecell-tx db export --config /etc/sagecell-tx.toml /backup/cells.jsonl.gz
  sagecell-tx db export --no-files - | ssh backup 'cat > links.jsonl'

"""


def add(kinds: Any) -> None:
    """Add the command."""
    export = subcommand(
        kinds, "export", "write everything to a file", _EXPORT, _export, _EXPORT_MORE
    )
    export.add_argument(
        "file",
        metavar="FILE",
        help="the file to write, compressed if its name ends with .gz; - is standard output",
    )
    export.add_argument("--no-files", action="store_true", help="write only permalinks")
    export.add_argument("--overwrite", action="store_true", help="replace FILE if it exists")


def _export(options: argparse.Namespace) -> int:
    counts: dict[str, int] = {}

    def counted(lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for line in lines:
            counts[line["kind"]] = counts.get(line["kind"], 0) + 1
            yield line

    with opened(options, reads_only=True) as backend:
        say(backend.place, aside=True)
        need_current(backend)
        with _target(options) as target, backend.reading() as connection:
            archive.write(target, counted(exported(connection, with_files=not options.no_files)))
    say(
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
