"""A kernel of another server of this machine, reached over a WebSocket to that server."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import define, field
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from sagecell_tx.http.nodes.splice import proxy_line
from sagecell_tx.http.serving.pump import PushProducer
from sagecell_tx.http.transports.autobahn import Timers

_log = Logger()

#: Seconds in which the other server accepts a connection, and answers the upgrade.
_PATIENCE = 5

#: Bytes of messages to a kernel that wait for the upgrade, or for the other server to read earlier ones. What is more is
#: dropped, except a single message.
UNSENT = 2**20

#: Bytes that wait to be read, from which on nothing more is received.
_UNREAD = 256 * 1024


@define(eq=False)
class RemoteKernel:
    """A kernel of another server; see `KernelElsewhere`."""

    _on_message: Callable[[], None]
    _on_closed: Callable[[RemoteKernel], None]
    _on_changed: Callable[[RemoteKernel], None]  # `unwritten`
    on_stalled: Callable[[], None] = field(default=lambda: None, init=False)
    unwritten: int = field(default=0, init=False)  # bytes that were received
    is_over: bool = field(default=False, init=False)
    is_lost: bool = field(default=False, init=False)
    _unsent: deque[bytes] = field(factory=deque, init=False)
    unsent: int = field(default=0, init=False)  # bytes of them
    _producer: PushProducer = field(init=False)
    _unread: deque[bytes] = field(factory=deque, init=False)
    _size: int = field(default=0, init=False)  # of what is unread
    _taken: int = field(default=0, init=False)  # bytes that were read, and are being written
    _connection: _Connection | None = field(default=None, init=False)  # from the upgrade on
    _left: bool = field(default=False, init=False)
    _is_crowded: bool = field(default=False, init=False)  # as was logged

    def __attrs_post_init__(self) -> None:
        self._producer = PushProducer(on_resumed=self._send_more)

    # --- for the page

    def send(self, text: str) -> None:
        """Send a message, as JSON text; when the connection is open, and as fast as the other server reads."""
        data = text.encode("utf-8", "replace")
        if self._unsent and self.unsent + len(data) > UNSENT:
            if not self._is_crowded:
                self._is_crowded = True
                _log.warn("another server reads too slowly: messages to a kernel are dropped")
            return
        self._unsent.append(data)
        self.unsent += len(data)
        self._send_more()

    def read(self, room: int) -> list[bytes]:
        """The next messages, as JSON text, about `room` bytes."""
        taken = []
        while self._unread and room > 0:
            taken.append(self._unread.popleft())
            room -= len(taken[-1])
            self._size -= len(taken[-1])
            self._taken += len(taken[-1])
        if taken and self._size < _UNREAD and self._connection is not None:
            self._connection.transport.resumeProducing()
        return taken

    def written(self) -> None:
        """What was read is written."""
        if self._taken:
            self._note(-self._taken)
            self._taken = 0

    def leave(self) -> None:
        """Close the connection: the page has left."""
        self._left = True
        self._unread.clear()
        self._note(-self.unwritten)
        if self._connection is not None:
            self._say_goodbye(self._connection)

    # --- for the connection

    def opened(self, connection: _Connection) -> None:
        """The upgrade is done."""
        self._connection = connection
        connection.transport.registerProducer(self._producer, True)
        self._send_more()
        if self._left:
            self._say_goodbye(connection)

    def _say_goodbye(self, connection: _Connection) -> None:
        connection.transport.unregisterProducer()  # it would keep the connection open
        self._producer.paused = False
        self._send_more()
        connection.sendClose()

    def _send_more(self) -> None:
        while self._connection is not None and self._unsent and not self._producer.paused:
            data = self._unsent.popleft()
            self.unsent -= len(data)
            self._connection.sendMessage(data)

    def begun(self, length: int) -> None:
        """So many bytes of a message are received."""
        if not self._left:
            self._note(length)

    @property
    def is_left(self) -> bool:
        """Whether the page has left."""
        return self._left

    def stall(self) -> None:
        """Its page reads too slowly: it is disconnected."""
        on_stalled = self.on_stalled
        self.leave()
        on_stalled()

    def _note(self, more: int) -> None:
        if more:
            self.unwritten += more
            self._on_changed(self)

    def received(self, data: bytes) -> None:
        """The other server has sent a message, whose bytes are counted."""
        if self._left:
            return
        had_none = not self._unread
        self._unread.append(data)
        self._size += len(data)
        if self._size >= _UNREAD and self._connection is not None:
            self._connection.transport.pauseProducing()
        if had_none:
            self._on_message()

    def closed(self, in_order: bool = False) -> None:
        """The connection has ended, perhaps `in_order`, or the upgrade was refused."""
        self.is_lost = self._connection is not None and not in_order
        self._connection, self.is_over = None, True
        self._unsent.clear()
        self.unsent = 0
        if not self._left:
            self._note(
                self._size + self._taken - self.unwritten
            )  # the rest of a message does not come
        self._on_closed(self)
        if not self._left:
            self._on_message()

    def connect(self, reactor: Any, path: str, url: str, address: str) -> None:
        """Connect by the socket at `path`, for the client at `address`; `url` is the kernel's there."""
        endpoint = UNIXClientEndpoint(reactor, path, _PATIENCE)
        endpoint.connect(_Factory(url, reactor, self, address)).addErrback(self._unreachable)

    def _unreachable(self, failure: Failure) -> None:
        """There is no connection."""
        _log.info("another server cannot be reached: {why}", why=failure.getErrorMessage())
        self.closed()


class _Connection(WebSocketClientProtocol):  # type: ignore[misc]
    """The connection to the other server."""

    factory: _Factory

    @override
    def connectionMade(self) -> None:
        """Tell who the client is, then ask for the upgrade."""
        self.transport.write(self.factory.opening)
        super().connectionMade()

    @override
    def onOpen(self) -> None:
        """The upgrade is done."""
        self.factory.kernel.opened(self)

    @override
    def onMessageFrameBegin(self, length: int) -> None:
        """A part of a message comes, which Autobahn keeps until the message is complete."""
        super().onMessageFrameBegin(length)
        self.factory.kernel.begun(length)

    @override
    def onMessageFrameData(self, payload: bytes) -> None:
        """Keep a part, unless the page has left meanwhile."""
        if self.factory.kernel.is_left:
            self.message_data.clear()
        else:
            super().onMessageFrameData(payload)

    @override
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """A message has arrived."""
        if not isBinary:
            self.factory.kernel.received(payload)

    @override
    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The connection has ended."""
        self.factory.kernel.closed(in_order=wasClean)


class _Factory(WebSocketClientFactory):  # type: ignore[misc]
    """Makes one connection."""

    protocol = _Connection
    noisy = False

    def __init__(self, url: str, reactor: Any, kernel: RemoteKernel, address: str) -> None:
        super().__init__(url, reactor=reactor)
        self.kernel = kernel
        self.opening = proxy_line(*_addresses(address))
        self._batched_timer = Timers(reactor)
        self.setProtocolOptions(
            utf8validateIncoming=False,
            openHandshakeTimeout=_PATIENCE,
            closeHandshakeTimeout=_PATIENCE,
            serverConnectionDropTimeout=0,
            autoPingInterval=0,
        )


def _addresses(client: str) -> tuple[IAddress, IAddress]:
    """The addresses of both ends of the client's connection, as far as they are known."""
    if ":" in client:
        return IPv6Address("TCP", client, 0), IPv6Address("TCP", "::1", 0)
    return IPv4Address("TCP", client or "127.0.0.1", 0), IPv4Address("TCP", "127.0.0.1", 0)
