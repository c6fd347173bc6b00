"""One end of the connection between a worker and its keeper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure
from typing_extensions import override

from sagecell_tx.wire.messages import WireError
from sagecell_tx.workers.protocol import LONGEST

_log = Logger()

#: Bytes that may wait for the other end to read. One that is further behind counts as hung.
UNSENT = 1024 * 1024


@define(eq=False)
class WorkerLine(LineOnlyReceiver):
    """Calls `received` with each line, which may raise `WireError`, and `ended` once, at the end.

    The connection is cut after a line that is too long or invalid, and when too much waits to be read.
    """

    _received: Callable[[bytes], None]
    _ended: Callable[[], None]
    transport: Any = field(default=None, init=False)
    _waits: bool = field(default=False, init=False)  # for the other end to read
    _unsent: int = field(default=0, init=False)  # bytes, since it does
    delimiter = b"\n"
    MAX_LENGTH = LONGEST

    @override
    def connectionMade(self) -> None:
        """The connection is there: hear how fast the other end reads."""
        self.transport.registerProducer(self, True)

    @override
    def lineReceived(self, line: bytes) -> None:
        """A line has arrived."""
        try:
            self._received(line)
        except WireError as error:
            _log.error("a line between keeper and worker is invalid: {why}", why=error.message)
            self.cut()

    @override
    def lineLengthExceeded(self, line: bytes) -> None:
        """A line is too long."""
        _log.error("a line between keeper and worker is too long")
        self.cut()

    def send(self, line: bytes) -> None:
        """Send a line; nothing once the connection has ended."""
        if self.transport is None or not self.transport.connected:
            return
        self._unsent += len(line) + 1 if self._waits else 0
        if self._unsent > UNSENT:
            _log.error("the other end of a line between keeper and worker reads nothing")
            self.cut()
            return
        self.transport.write(line + self.delimiter)

    def cut(self) -> None:
        """End the connection at once, if there is one."""
        if self.transport is not None:
            self.transport.abortConnection()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection has ended."""
        self._ended()

    # --- IPushProducer

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """What is sent from now on waits."""
        self._waits = True

    def resumeProducing(self) -> None:  # noqa: N802
        """The other end has read all that waited."""
        self._waits, self._unsent = False, 0

    def stopProducing(self) -> None:  # noqa: N802
        """The connection has ended; see `connectionLost`."""
