"""``sagecell-tx db import``."""

from __future__ import annotations

import argparse
import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from sagecell_tx.commands.db.opening import (
    need_current,
    now,
    opened,
    say,
    table_versions,
    upgrade_tables,
)
from sagecell_tx.commands.db.subcommand import subcommand
from sagecell_tx.sessions.interfaces import StoreFull
from sagecell_tx.store.transfer import archive
from sagecell_tx.store.transfer.importing import Import
from sagecell_tx.store.transfer.sagemathcell import open_source, take_over

_IMPORT = """\
Adds to the database the contents of a FILE that `sagecell-tx db export` wrote, or the permalinks of a
SageMathCell server. What the database already has stays as it is, so an import may be repeated after an
interruption, or to add what is new. Servers may use the database at the same time. A database that does
not exist is created.
"""

_IMPORT_MORE = """\
examples:
  sagecell-tx db import --database postgresql://cells@db.example.org/cells cells.jsonl.gz
  sagecell-tx db import --config /etc/sagecell-tx.toml --sagemathcell sqlite.db
  sagecell-tx db import --sagemathcell postgresql://sage@localhost/permalinks

"""


def add(kinds: Any) -> None:
    """Add the command."""
    importing = subcommand(
        kinds,
        "import",
        "add the contents of an exported file, or SageMathCell's permalinks",
        _IMPORT,
        _import,
        _IMPORT_MORE,
    )
    source = importing.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "file", metavar="FILE", nargs="?", help="an exported file; - is standard input"
    )
    source.add_argument(
        "--sagemathcell",
        metavar="SOURCE",
        help="SageMathCell's database: a SQLite file, or the URL in its db_config",
    )


def _import(options: argparse.Namespace) -> int:
    with opened(options, may_be_new=True) as backend:
        say(backend.place)
        if not table_versions(backend)[0]:
            upgrade_tables(backend)
        need_current(backend)
        if options.sagemathcell:
            with open_source(options.sagemathcell) as source:
                outcome = take_over(source, backend)
        else:
            importing = Import(backend=backend, now=now)
            outcome = importing.outcome
            try:
                with _source(options.file) as file:
                    importing.run(archive.read(file))
            except (archive.Invalid, StoreFull):
                for sentence in outcome.sentences():
                    say(sentence)
                raise
    for sentence in outcome.sentences():
        say(sentence)
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
