"""``sagecell-tx status``: what a server is doing, in one screen."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import treq
from attrs import define
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from sagecell_tx.commands.arguments import read_token, server_url
from sagecell_tx.commands.failing import failed
from sagecell_tx.commands.reacting import run_reactor
from sagecell_tx.remote.statusscreen import screen
from sagecell_tx.remote.uncompressed import http_client
from sagecell_tx.wire.messages import WireError, parse_json

#: Seconds between two screens, and within which an answer must come.
_PAUSE = 2.0
_PATIENCE = 10.0

#: Bytes of an answer.
_LONGEST = 4 << 20

#: To the upper left corner, and everything below is erased.
_AFRESH = "\x1b[H\x1b[J"

_STATUS = """\
Shows what a server is doing: kernels, queue, refusals, how kernels ended. URL is the address of the
server's page. With --token-file it is that of the admin page, which also reports each machine, site and
session.
"""

_STATUS_MORE = """\
exit status:
  0 if the server answered, 1 if not.

examples:
  sagecell-tx status http://localhost:8888
  sagecell-tx status --token-file /etc/sagecell-tx/admin-token --watch http://localhost:8889
"""


class NoStatus(Exception):
    """The server has not told its status; the text is a sentence for the user."""


def add(commands: Any) -> None:
    """Add the command ``status``."""
    status = commands.add_parser(
        "status",
        help="show what a server is doing",
        description=_STATUS,
        epilog=_STATUS_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    status.add_argument(
        "server",
        metavar="URL",
        nargs="?",
        type=server_url,
        default=os.environ.get("SAGECELL_SERVER") or "http://localhost:8888",
        help="the address; by default the environment variable SAGECELL_SERVER, or http://localhost:8888",
    )
    status.add_argument(
        "--token-file",
        metavar="PATH",
        type=Path,
        help="a file with the token of the admin page; URL is then the address of that page",
    )
    status.add_argument("--json", action="store_true", help="print the server's answer as JSON")
    status.add_argument(
        "--watch", action="store_true", help="repeat every two seconds, until you press Ctrl-C"
    )
    status.set_defaults(run=_status, file="")


@define(kw_only=True)
class StatusRequest:
    """Asks the server at `server`, a URL, for its status; with a token, that of the admin page."""

    server: str
    token: str
    http: Any
    clock: IReactorTime

    async def fields(self) -> Mapping[str, Any]:
        """The JSON object of the answer. Raises `NoStatus`."""
        base = self.server.rstrip("/").removesuffix("/admin")
        path = "/admin/status.json" if self.token else "/status.json"
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        received = bytearray()

        def receive(data: bytes) -> None:
            received.extend(data)
            if len(received) > _LONGEST:
                raise NoStatus("The answer is too long.")

        async def ask() -> int:
            response = await self.http.get(
                f"{base}{path}", headers=headers, unbuffered=True, allow_redirects=False
            )
            await treq.collect(response, receive)
            return int(response.code)

        try:
            asked = Deferred.fromCoroutine(ask())
            code = await asked.addTimeout(_PATIENCE, self.clock)
        except (NoStatus, CancelledError):
            raise
        except Exception as error:  # treq's, Twisted's and OpenSSL's have no base of their own
            raise NoStatus(f"{self.server}: {str(error) or type(error).__name__}") from error
        return _answer(code, bytes(received))


def _answer(code: int, body: bytes) -> Mapping[str, Any]:
    try:
        value = parse_json(body)
    except WireError:
        value = None
    if code == 200 and isinstance(value, dict):
        return value
    message = value.get("message") if isinstance(value, dict) else None
    if isinstance(message, str):
        raise NoStatus(message)
    raise NoStatus(f"The server answered {code}: is it a sagecell-tx server?")


def _status(options: argparse.Namespace) -> int:
    token, status = read_token(options.token_file), 1

    async def show(reactor: Any) -> None:
        nonlocal status
        request = StatusRequest(
            server=options.server, token=token, http=http_client(reactor), clock=reactor
        )
        with suppress(CancelledError):
            while True:
                status = await _show_once(request, options)
                if not options.watch:
                    return
                await deferLater(reactor, _PAUSE, lambda: None)

    run_reactor(show)
    return status


async def _show_once(request: StatusRequest, options: argparse.Namespace) -> int:
    """Write the status, or why there is none; returns the exit status."""
    try:
        fields = await request.fields()
    except NoStatus as error:
        return failed(str(error))
    lines = [json.dumps(fields)] if options.json else list(screen(fields))
    text = "\n".join([*lines, ""])
    if options.watch and not options.json and sys.stdout.isatty():
        text = _AFRESH + text
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()
    return 0
