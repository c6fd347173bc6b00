"""``sagecell-tx run``: runs a program on a server."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError

from sagecell_tx.commands.arguments import read_token, server_url
from sagecell_tx.commands.failing import failed
from sagecell_tx.commands.reacting import INTERRUPTED, run_reactor
from sagecell_tx.remote.languages import BY_SUFFIX, language_of
from sagecell_tx.remote.run import DIED, LATE, NOT_RUN, Order, RemoteRun, read_files
from sagecell_tx.remote.saving import Directory
from sagecell_tx.remote.terminal import Terminal
from sagecell_tx.remote.uncompressed import http_client

_RUN = """\
Runs a program on a sagecell-tx server and writes what it prints as it comes. Results follow as
text, errors go to standard error, and the files that the program made are saved in the current
directory, or where --save-to says.
"""

_RUN_MORE = f"""\
exit status:
  that of the program: 0, 1 after an exception, or what it passed to sys.exit;
  {LATE} if it was stopped at its timeout;
  {NOT_RUN} if it could not be run, or not all of its files could be saved;
  {DIED} if it used too much memory, or its kernel ended for another reason;
  {INTERRUPTED} if you pressed Ctrl-C, which stops the program on the server as well.

examples:
  sagecell-tx run plot.py --server https://cells.example.org
  sagecell-tx run fit.py --send data.csv --save-to results --timeout 20
  echo 'factor(2^100 - 1)' | sagecell-tx run - --language sage
"""


def add(commands: Any) -> None:
    """Add the command ``run``."""
    run = commands.add_parser(
        "run",
        help="run a program on a server",
        description=_RUN,
        epilog=_RUN_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("file", metavar="FILE", help="the program; - reads standard input")
    run.add_argument(
        "--server",
        metavar="URL",
        type=server_url,
        default=os.environ.get("SAGECELL_SERVER") or None,
        help="the address of the server's page; by default the environment variable SAGECELL_SERVER",
    )
    run.add_argument(
        "--language",
        metavar="NAME",
        help="the program's language; by default that of the ending of FILE: "
        + ", ".join(f"{suffix} {name}" for suffix, name in BY_SUFFIX.items()),
    )
    run.add_argument(
        "--send",
        metavar="[NAME=]PATH",
        action="append",
        default=[],
        help="a file for the program, which finds it under NAME, by default the last part of PATH; "
        "may be repeated",
    )
    run.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        help="how long the program may run, at most as long as the server lets programs run",
    )
    run.add_argument(
        "--save-to",
        metavar="DIRECTORY",
        type=Path,
        default=Path(),
        help="where the program's files are saved; it is made if it does not exist",
    )
    run.add_argument("--overwrite", action="store_true", help="replace files that exist")
    run.add_argument("--no-save", action="store_true", help="save no files")
    run.add_argument(
        "--token-file",
        metavar="PATH",
        type=Path,
        help="a file with an API key of the server, if you have one; by default the key is in the "
        "environment variable SAGECELL_TOKEN",
    )
    run.add_argument(
        "--idempotency-key",
        metavar="KEY",
        default="",
        help="with an API key: if the same program was recently sent with this KEY, do not run it "
        "again, and write the same output",
    )
    run.add_argument(
        "--accept-terms",
        action="store_true",
        help="you accept the server's terms of service, which are at URL/tos.html",
    )
    run.add_argument("--quiet", action="store_true", help="show no progress")
    run.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.server is None:
        return failed("name the server: --server URL, or the variable SAGECELL_SERVER", 2)
    from_input = options.file == "-"
    code = sys.stdin.read() if from_input else Path(options.file).read_text(encoding="utf-8")
    language = options.language or ("" if from_input else language_of(options.file))
    token = read_token(options.token_file, os.environ.get("SAGECELL_TOKEN", ""))
    order = Order(
        code=code,
        language=language,
        files=read_files(options.send),
        timeout=options.timeout,
        idempotency_key=options.idempotency_key,
        accepts_terms=options.accept_terms,
    )
    terminal = Terminal(out=sys.stdout, err=sys.stderr, is_quiet=options.quiet)
    directory = Directory(path=options.save_to, overwrites=options.overwrite)
    status = INTERRUPTED  # unless the run ends before the reactor is stopped

    async def run(reactor: Any) -> None:
        nonlocal status
        running = RemoteRun(
            server=options.server,
            order=order,
            terminal=terminal,
            clock=reactor,
            token=token,
            http=http_client(reactor),
            directory=None if options.no_save else directory,
        )
        with suppress(CancelledError):
            status = await running.run()

    run_reactor(run)
    return status
