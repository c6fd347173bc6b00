"""The connection that is a machine's line, at the web process's end."""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import IHandshakeListener, IReactorTime
from twisted.internet.protocol import Protocol as StreamProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from sagecell_tx.hosts.cluster.connections.identity import prepare_socket, why_lost
from sagecell_tx.hosts.cluster.connections.line import WEBS_PATIENCE, LineReader, UnreadWatch
from sagecell_tx.wire.messages import WireError

#: Bytes that an agent may send between two of this end's beats. A sound one sends some kilobytes.
MOST_BYTES = 1 << 20

#: Messages that it may send meanwhile: each takes time of all visitors. A sound one sends some for each kernel that begins or
#: ends, and thousands of these are all that a machine has.
MOST_MESSAGES = 5000


class LineOwner(Protocol):
    """A machine, as its line sees it."""

    clock: IReactorTime

    def connected(self, line: LineConnection) -> None:
        """There is a connection."""

    def received(self, line: LineConnection, message: dict[str, Any]) -> None:
        """Handle a message of the agent; raises `WireError` for one that makes no sense."""

    def line_lost(self, line: LineConnection, why: str) -> None:
        """The line is closed."""

    def complain(self, why: str, *, ends: bool = False) -> None:
        """Log what is wrong; it `ends` the line."""


@implementer(IHandshakeListener)
class LineConnection(StreamProtocol):
    """A connection that is a machine's line."""

    def __init__(self, machine: LineOwner) -> None:
        self._machine = machine
        self._reader = LineReader()
        self._bytes = self._messages = 0  # since the last beat
        self._unread = UnreadWatch(
            clock=machine.clock, patience=WEBS_PATIENCE, silent=self._does_not_read
        )

    def handshakeCompleted(self) -> None:  # noqa: N802 - Twisted's name
        """The agent has shown its certificate."""
        prepare_socket(self.transport)
        self._unread.watch(self.transport)
        self._machine.connected(self)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Pass on each message."""
        self._reader.feed(data)
        self._bytes += len(data)
        try:
            if self._bytes > MOST_BYTES:
                raise WireError(
                    "too_much", f"It sends more than {MOST_BYTES} bytes between two beats."
                )
            while (message := self._reader.next()) is not None:
                self._messages += 1
                if self._messages > MOST_MESSAGES:
                    raise WireError(
                        "too_many",
                        f"It sends more than {MOST_MESSAGES} messages between two beats.",
                    )
                self._machine.received(self, message)
        except WireError as error:
            self._machine.complain(str(error), ends=True)
            self.abort()

    def connectionLost(self, reason: Failure | None = None) -> None:  # noqa: N802
        """The line is lost."""
        self._unread.stop()
        why = "closed" if reason is None else why_lost(reason)
        self._machine.line_lost(self, why)

    def count_anew(self) -> None:
        """Begin to count again: this end has sent a beat."""
        self._bytes = self._messages = 0

    def abort(self) -> None:
        """Close the connection at once."""
        self._unread.stop()
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]

    def _does_not_read(self) -> None:
        self._machine.complain("it does not read what it is sent", ends=True)
        self.abort()
