"""One connection to the agent: a line of a web process, or a stream to one of its kernels.

::

    -> {"op": "hello", "protocol": 1, "version": "0.1.0"}       a line; `Tenant` has the rest
    -> {"op": "stream", "session": "..."}                       a stream, of the line with that secret
    -> {"op": "open", "token": "...", "port": 1}                sooner or later; then data both ways
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IHandshakeListener
from twisted.internet.protocol import Protocol as StreamProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from sagecell_tx.hosts.cluster.agent.splice import Splice
from sagecell_tx.hosts.cluster.agent.tenant import Tenant
from sagecell_tx.hosts.cluster.connections.identity import prepare_socket, why_lost
from sagecell_tx.hosts.cluster.connections.line import (
    AGENTS_PATIENCE,
    LONGEST,
    LONGEST_FIRST,
    LineReader,
    UnreadWatch,
    encode,
)
from sagecell_tx.wire.messages import WireError

_log = Logger()

#: Seconds within which a connection has to say what it is.
PATIENCE = 10.0


class ConnectionOwner(Protocol):
    """The agent, as its connections see it."""

    def seconds_later(self, seconds: float, call: Any) -> IDelayedCall:
        """Call later."""

    def is_known(self, tls: Any) -> bool:
        """Whether the other end of a connection has shown a certificate of a web process."""

    def greeted(self, connection: AgentConnection, hello: dict[str, Any]) -> Tenant:
        """A connection is a line; raises `WireError` if it cannot be."""

    def tenant_of(self, session: object) -> Tenant:
        """The tenant of a stream; raises `WireError` if there is none."""

    def closed(self, connection: AgentConnection) -> None:
        """A connection is closed."""

    def stranger_gone(self, why: str) -> None:
        """A connection without a valid certificate is closed."""

    def identified(self, connection: AgentConnection) -> None:
        """A connection has said what it is."""


@implementer(IHandshakeListener)
class AgentConnection(StreamProtocol):
    """A connection of a web process, or of somebody who is not one."""

    def __init__(self, owner: ConnectionOwner) -> None:
        self._owner = owner
        self._reader = LineReader(LONGEST_FIRST)
        self._tenant: Tenant | None = None
        self._is_line = False
        self._splice: Splice | None = None
        self._known = False
        self._patience: IDelayedCall | None = None
        self._unread: UnreadWatch | None = None  # of a line

    # --- IProtocol and IHandshakeListener

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Wait for the handshake, and for the first message."""
        self._patience = self._owner.seconds_later(PATIENCE, self.abort)

    def handshakeCompleted(self) -> None:  # noqa: N802
        """The other end has shown its certificate: check once more that it is pinned."""
        prepare_socket(self.transport)
        self._known = self._owner.is_known(self.transport.getHandle())  # type: ignore[union-attr]
        if not self._known:
            self.abort()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Handle messages, or pass on a stream's data."""
        if not self._known:
            return
        if self._splice is not None:
            self._splice.far.received(data)
            return
        self._reader.feed(data)
        try:
            while (message := self._reader.next()) is not None:
                self._message(message)
                if self._opened(self._reader):
                    return
        except WireError as error:
            _log.error("a web process is disconnected: {error}", error=error)
            if error.code == "wrong_protocol":
                self._close()  # when it was told which one is spoken here
            else:
                self.abort()

    def connectionLost(self, reason: Failure | None = None) -> None:  # noqa: N802
        """The connection is closed."""
        if not self._known and reason is not None:
            self._owner.stranger_gone(why_lost(reason))
        self._identified()
        if self._unread is not None:
            self._unread.stop()
        tenant, self._tenant = self._tenant, None
        if tenant is not None:
            if self._is_line:
                tenant.lost()
            else:
                tenant.stream_gone(self)
        if self._splice is not None:
            self._splice.far.lost()
        self._owner.closed(self)

    # --- for the tenant

    def send_message(self, **message: object) -> None:
        """See `TenantLine.send_message`."""
        if self.transport is not None and self._tenant is not None:
            self.transport.write(encode(**message))

    def refuse(self, **versions: object) -> None:
        """Tell a web process that speaks another version which one this agent speaks."""
        if self.transport is not None:
            self.transport.write(encode(event="hello", **versions))

    def abort(self) -> None:
        """See `Abortable.abort`."""
        if self._unread is not None:
            self._unread.stop()
        if self._splice is not None:
            self._splice.close()
        elif self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]

    def _close(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()

    # --- messages

    def _opened(self, reader: LineReader) -> bool:
        """Whether this is an open stream; then passes on what has come after the messages."""
        if self._splice is not None and (rest := reader.rest()):
            self._splice.far.received(rest)
        return self._splice is not None

    def _message(self, message: dict[str, Any]) -> None:
        if self._tenant is None:
            self._first(message)
        elif self._is_line:
            self._tenant.received(message)
        elif message.get("op") == "open":
            splice = self._tenant.stream_opened(self, message.get("token"), message.get("port"))
            self._splice = splice
            splice.far.connect(self.transport)
            splice.begin()
        else:
            raise WireError("unknown_op", "A stream can only be opened.")

    def _first(self, message: dict[str, Any]) -> None:
        op = message.get("op")
        if op == "hello":
            self._reader.longest = LONGEST
            self._tenant = self._owner.greeted(self, message)
            self._is_line = True
            self._identified()
            self._unread = UnreadWatch(
                clock=self._tenant.clock,
                patience=AGENTS_PATIENCE,
                silent=self._tenant.does_not_read,
            )
            self._unread.watch(self.transport)
            self._tenant.begin()
        elif op == "stream":
            tenant = self._owner.tenant_of(message.get("session"))
            if not tenant.stream_came(self):
                raise WireError("too_many_streams", "Too many streams wait.")
            self._tenant = tenant
            self._identified()
        else:
            raise WireError("unknown_op", "The first message is neither hello nor stream.")

    def _identified(self) -> None:
        if self._patience is not None and self._patience.active():
            self._patience.cancel()
        self._owner.identified(self)
