"""Streams to the kernels of one machine, some of which are connected before they are needed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import (
    IDelayedCall,
    IHandshakeListener,
    IProtocolFactory,
    IReactorTime,
)
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

from sagecell_tx.hosts.cluster.connections.identity import prepare_socket
from sagecell_tx.hosts.cluster.connections.line import encode
from sagecell_tx.hosts.cluster.connections.stream import TlsStream
from sagecell_tx.hosts.cluster.connections.tls import PiecesProtocol

#: Streams that are connected ahead: what three kernels need, from their start to their end.
SPARES = 12

#: Connections that are being made at a time, for streams that wait, and for spare ones.
AT_ONCE = 6
FILLING = 3

#: Seconds until spares that were taken are replaced, so that a start has the processor for itself,
#: and until the next attempt after a failed one.
REFILL = 0.1
AGAIN = 0.5

#: Seconds within which a connection has to be made, with its handshake.
PATIENCE = 10.0

#: Connects a factory's protocol to the machine's agent, with TLS; the errback of what it returns
#: tells that there is no connection.
Connect = Callable[[IProtocolFactory], Any]


@implementer(IHandshakeListener)
class StreamConnection(PiecesProtocol):
    """A connection for one stream: spare until it is used."""

    def __init__(self, owner: Streams) -> None:
        self._owner = owner
        self._stream: TlsStream | None = None
        self._patience: IDelayedCall | None = None

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Wait for the handshake."""
        self._patience = self._owner.clock.callLater(PATIENCE, self.abort)

    def handshakeCompleted(self) -> None:  # noqa: N802
        """Say whose stream this is going to be."""
        self._wait_no_longer()
        prepare_socket(self.transport)
        assert self.transport is not None
        self.transport.write(encode(op="stream", session=self._owner.session))
        self._owner.came(self)

    def use(self, stream: TlsStream, token: str, port: int) -> None:
        """Be this stream from now on, to the socket `port` of the kernel that has the token."""
        assert self.transport is not None
        self._stream = stream
        self.transport.write(encode(op="open", token=token, port=port))
        stream.connect(self.transport)

    def abort(self) -> None:
        """Close the connection at once."""
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """The agent sends nothing before the stream is used."""
        if self._stream is None:
            self.abort()
        else:
            self._stream.arrived(data)

    def all_received(self) -> None:
        """See `PiecesProtocol.all_received`: now it is passed on."""
        if self._stream is not None:
            self._stream.deliver()

    def connectionLost(self, reason: Failure | None = None) -> None:  # noqa: N802
        """The agent has closed the connection, or refused it."""
        self._wait_no_longer()
        if self._stream is not None:
            self._stream.lost()
        self._owner.gone(self)

    def _wait_no_longer(self) -> None:
        if self._patience is not None and self._patience.active():
            self._patience.cancel()


@define(kw_only=True, eq=False)
class Streams:
    """Opens streams to the kernels of one machine, over `connect`.

    `session` is the secret that the agent has given for them.
    """

    clock: IReactorTime
    connect: Connect
    session: str
    _spare: deque[StreamConnection] = field(factory=deque, init=False)
    _coming: set[StreamConnection] = field(factory=set, init=False)
    _wanted: deque[tuple[TlsStream, str, int]] = field(factory=deque, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)
    _filling: bool = field(default=False, init=False)  # until there are enough spares
    _closed: bool = field(default=False, init=False)

    def begin(self) -> None:
        """Begin to connect spare streams."""
        self._fill()

    @property
    def spare(self) -> int:
        """How many are connected and not used."""
        return len(self._spare)

    def open(
        self, token: str, port: int, on_data: Callable[[bytes], None], on_close: Callable[[], None]
    ) -> TlsStream:
        """A stream to the socket `port` of the kernel that has this token. See `TlsStream`."""
        stream = TlsStream(on_data, on_close)
        if self._closed:
            self.clock.callLater(0, stream.lost)
        elif self._spare:
            self._spare.popleft().use(stream, token, port)
        else:
            # Those of kernels that were given up meanwhile are not kept until a connection comes: none may.
            self._wanted = deque(each for each in self._wanted if not each[0].is_closed)
            self._wanted.append((stream, token, port))
            self._connect_wanted()
        self._fill_later(REFILL)
        return stream

    @property
    def waiting(self) -> int:
        """How many streams wait for a connection."""
        return len(self._wanted)

    def close(self) -> None:
        """Close all that are not used, and end those that wait for a connection."""
        self._closed = True
        if self._next is not None and self._next.active():
            self._next.cancel()
        for connection in [*self._spare, *self._coming]:
            connection.abort()
        while self._wanted:
            self._wanted.popleft()[0].lost()

    # --- for its connections

    def came(self, connection: StreamConnection) -> None:
        """A connection can be used."""
        self._coming.discard(connection)
        if self._closed:
            connection.abort()
            return
        while self._wanted:
            stream, token, port = self._wanted.popleft()
            if not stream.is_closed:
                connection.use(stream, token, port)
                break
        else:
            self._spare.append(connection)
        self._connect_wanted()
        if self._filling:
            self._fill()

    def gone(self, connection: StreamConnection) -> None:
        """A connection is closed, used or not."""
        unused = connection in self._coming or connection in self._spare
        self._coming.discard(connection)
        if connection in self._spare:
            self._spare.remove(connection)
        if unused:
            self._fill_later(AGAIN)

    def _connect_wanted(self) -> None:
        """Connect as many as are waited for, and no spares: somebody's start needs the processor now."""
        for _ in range(min(len(self._wanted), AT_ONCE) - len(self._coming)):
            self._connect()

    def _fill(self) -> None:
        """Connect the spares that are missing, some at a time."""
        missing = SPARES + len(self._wanted) - len(self._spare) - len(self._coming)
        self._filling = missing > 0 and not self._closed
        if self._filling:
            for _ in range(min(missing, FILLING - len(self._coming))):
                self._connect()

    def _fill_later(self, seconds: float) -> None:
        if not self._closed and (self._next is None or not self._next.active()):
            self._next = self.clock.callLater(seconds, self._fill)

    def _connect(self) -> None:
        connection = StreamConnection(self)
        self._coming.add(connection)
        made = Factory.forProtocol(lambda: connection)
        made.noisy = False
        self.connect(made).addErrback(lambda _: self.gone(connection))
