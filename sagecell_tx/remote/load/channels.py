"""How a visitor exchanges messages with a kernel: over a WebSocket, SockJS, or plain requests.

SockJS is used over its own WebSocket, as browsers do, with all of its framing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

from attrs import define, field
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import optionsForClientTLS
from typing_extensions import override

from sagecell_tx.remote.load.outcomes import Failed
from sagecell_tx.remote.load.requests import LONGEST, Requests, why
from sagecell_tx.wire.messages import WireError, dump, parse_json

#: Seconds of one long poll.
_WAIT = 20

#: Seconds for the server to answer the end of a WebSocket.
_GOODBYE = 2.0

#: Opens an endpoint for a URL.
Connect = Callable[[str], IStreamClientEndpoint]


def endpoint(reactor: Any, url: str) -> IStreamClientEndpoint:
    """The endpoint of a server's URL, with TLS for ``https``."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    plain = HostnameEndpoint(reactor, host, port)
    return wrapClientTLS(optionsForClientTLS(host), plain) if parts.scheme == "https" else plain


class Channel(Protocol):
    """A connection to one kernel. All methods raise `Failed`."""

    async def open(self) -> None:
        """Connect."""

    async def send(self, message: dict[str, Any]) -> None:
        """Send a message of Jupyter's."""

    async def receive(self) -> dict[str, Any]:
        """The next message."""

    def close(self) -> None:
        """Disconnect."""


class _Socket(WebSocketClientProtocol):  # type: ignore[misc]
    """A WebSocket, which passes on what it gets."""

    @override
    def onOpen(self) -> None:
        self.factory.channel.connected(self)

    @override
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.factory.channel.arrived(payload)

    @override
    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.factory.channel.closed(code)


@define(kw_only=True, eq=False)
class WebSocketChannel:
    """The kernel's own WebSocket."""

    reactor: Any
    server: str
    kernel_id: str
    headers: dict[str, str]
    connect: Connect
    _socket: Any = field(default=None, init=False)
    _waiting: Deferred[None] | None = field(default=None, init=False)
    _received: deque[dict[str, Any]] = field(factory=deque, init=False)
    _why: str = field(default="", init=False)  # it is closed
    _dropping: Any = field(default=None, init=False)  # the timer that ends it

    @property
    def path(self) -> str:
        """The path of the WebSocket."""
        return f"/kernel/{self.kernel_id}/channels"

    async def open(self) -> None:
        """See `Channel.open`."""
        url = f"ws{self.server.removeprefix('http')}{self.path}"
        factory = WebSocketClientFactory(url, headers=self.headers, reactor=self.reactor)
        # Autobahn's own deadlines would be timers of the global reactor.
        factory.setProtocolOptions(
            openHandshakeTimeout=0,
            closeHandshakeTimeout=0,
            serverConnectionDropTimeout=0,
            maxFramePayloadSize=LONGEST,
            maxMessagePayloadSize=LONGEST,
        )
        factory.protocol, factory.channel = _Socket, self
        try:
            await self.connect(self.server).connect(factory)
        except CancelledError:
            raise
        except Exception as error:
            raise Failed(why(error)) from error
        while self._socket is None:
            await self._more()

    async def send(self, message: dict[str, Any]) -> None:
        """See `Channel.send`."""
        if self._why:
            if self._received:
                return  # which may say why, and is read first
            raise Failed(self._why)
        self._socket.sendMessage(self.framed(dump(message)))

    async def receive(self) -> dict[str, Any]:
        """See `Channel.receive`."""
        while not self._received:
            await self._more()
        return self._received.popleft()

    def close(self) -> None:
        """See `Channel.close`."""
        if self._socket is not None and not self._why:
            self._dropping = self.reactor.callLater(
                _GOODBYE, self._socket.transport.abortConnection
            )
            self._socket.sendClose(1000)

    def framed(self, text: bytes) -> bytes:
        """A message as it is sent."""
        return text

    def messages(self, payload: bytes) -> list[Any]:
        """The messages in what has arrived; raises `WireError`."""
        return [parse_json(payload)]

    # --- from the socket

    def connected(self, socket: Any) -> None:
        """The WebSocket is open."""
        self._socket = socket
        self._wake()

    def arrived(self, payload: bytes) -> None:
        """A whole message of the WebSocket."""
        try:
            messages = self.messages(payload)
        except (WireError, Failed) as error:
            self._end(error.kind if isinstance(error, Failed) else "a message is not JSON")
            return
        self._received += [each for each in messages if isinstance(each, dict)]
        self._wake()

    def closed(self, code: int | None) -> None:
        """The connection has ended."""
        if self._dropping is not None and self._dropping.active():
            self._dropping.cancel()
        self._end(f"the socket was closed: {code}")

    def _end(self, kind: str) -> None:
        self._why = self._why or kind
        self._wake()

    def _more(self) -> Deferred[None]:
        """Fires when something has happened; raises `Failed` if nothing more will."""
        if self._why:
            raise Failed(self._why)
        self._waiting = Deferred()
        return self._waiting

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.callback(None)


@define(kw_only=True, eq=False)
class SockJSChannel(WebSocketChannel):
    """A connection of SockJS, over its WebSocket. `name` is that of the connection."""

    name: str

    @property
    @override
    def path(self) -> str:
        return f"/sockjs/000/{self.name}/websocket"

    @override
    def framed(self, text: bytes) -> bytes:
        return dump([f"{self.kernel_id}/channels,{text.decode('ascii')}"])

    @override
    def messages(self, payload: bytes) -> list[Any]:
        match payload[:1]:
            case b"a":
                texts = parse_json(payload[1:])
                return [parse_json(str(text).partition(",")[2]) for text in texts]
            case b"c":
                raise Failed(f"the connection was closed: {payload[1:60].decode('latin-1')}")
        return []


@define(kw_only=True, eq=False)
class PollChannel:
    """Long polls, and requests that send."""

    requests: Requests
    kernel_id: str
    _after: int = field(default=0, init=False)
    _received: deque[dict[str, Any]] = field(factory=deque, init=False)

    async def open(self) -> None:
        """See `Channel.open`."""

    async def send(self, message: dict[str, Any]) -> None:
        """See `Channel.send`."""
        await self.requests.post_json(f"/kernel/{self.kernel_id}/messages", message)

    async def receive(self) -> dict[str, Any]:
        """See `Channel.receive`."""
        while not self._received:
            answer = await self.requests.get_json(
                f"/kernel/{self.kernel_id}/messages?after={self._after}&wait={_WAIT}"
            )
            if answer is not None:
                self._after = int(answer["after"])
                self._received += answer["messages"]
        return self._received.popleft()

    def close(self) -> None:
        """See `Channel.close`."""
