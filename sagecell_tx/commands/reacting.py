"""Commands that need a reactor: it runs until their work is over, or Ctrl-C is pressed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
)

from sagecell_tx.process.logs import LogWriter

#: The exit status of a command that was interrupted.
INTERRUPTED = 130


def run_reactor(
    work: Callable[[Any], Coroutine[Deferred[Any], Any, None]],
    interrupt: Callable[[Deferred[None]], object] = Deferred.cancel,
) -> None:
    """Run `work`, which is given the reactor; returns when it is over.

    Ctrl-C calls `interrupt`, and the work goes on until it is over. Raises SystemExit for an error of ours,
    which is logged.
    """
    globalLogBeginner.beginLoggingTo([_errors()], redirectStandardIO=False)

    def begin(reactor: Any) -> Deferred[None]:
        done = Deferred.fromCoroutine(work(reactor))

        def stopping() -> Deferred[None]:
            if not done.called:
                interrupt(done)
            return done

        # Ctrl-C stops the reactor, which would cut the connections while the work waits for them.
        reactor.addSystemEventTrigger("before", "shutdown", stopping)
        return done

    try:
        react(begin, ())
    except SystemExit as end:
        if end.code:
            raise


def _errors() -> ILogObserver:
    """Writes errors of ours on standard error, without commands to a terminal: a server's words may be in them.

    Twisted writes them as they are, until it is told where its log is.
    """
    only = LogLevelFilterPredicate(defaultLogLevel=LogLevel.critical)
    return FilteringLogObserver(LogWriter(write=lambda record: sys.stderr.write(record)), [only])
