"""``python -m sagecell_tx.webprocess``: one of several web processes, as their keeper starts it.

Its settings come on standard input, its line to the keeper is descriptor 3, and the listening sockets are those from 4 on.
It logs to standard output, from which the keeper takes it.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.logger import globalLogBeginner

from sagecell_tx.assembly.logs import check_logs
from sagecell_tx.assembly.workers.starting import Start
from sagecell_tx.assembly.workers.worker import build_worker
from sagecell_tx.config import ConfigError
from sagecell_tx.process.logs import LogWriter, writing_to
from sagecell_tx.process.resources import settle


def main() -> None:
    """Run until the keeper ends, or tells the process to. Raises SystemExit, with a sentence for what failed."""
    try:
        start = Start.parse(sys.stdin.buffer.read())
        check_logs(start.config.logs)
    except ConfigError as error:
        raise SystemExit(f"sagecell-tx: {error}") from error

    def begin(reactor: Any) -> Deferred[None]:
        ended: Deferred[None] = Deferred()
        try:
            server = build_worker(start, reactor)
        except ConfigError as error:
            raise SystemExit(f"sagecell-tx: {error}") from error
        server.on_up = settle
        server.privilegedStartService()
        server.startService()

        def stop() -> Deferred[None]:
            return server.stopService().addCallback(ended.callback)

        reactor.addSystemEventTrigger("before", "shutdown", stop)
        return ended

    logs = start.config.logs
    observer = LogWriter(
        write=writing_to(sys.stdout), format=logs.format, truncated=logs.addresses == "truncated"
    )
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    react(begin, ())


if __name__ == "__main__":
    main()
