"""The WebSocket of a visitor, with a server that the test plays."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from sagecell_tx.remote.load.channels import WebSocketChannel
from sagecell_tx.remote.load.outcomes import Failed

#: Source: RFC 6455, section 1.3.
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Transport(StringTransport):
    def unregisterProducer(self) -> None:  # noqa: N802
        """As of a real transport: Autobahn does so without one."""


@implementer(IStreamClientEndpoint)
@define(eq=False)
class Server:
    """One connection, at the server's end."""

    transport: Transport = field(factory=Transport)
    client: Any = None

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803
        self.client = protocolFactory.buildProtocol(None)  # type: ignore[arg-type]
        self.client.makeConnection(self.transport)
        return succeed(self.client)

    def accept(self) -> None:
        """Answer the upgrade."""
        asked = re.search(rb"Sec-WebSocket-Key: (\S+)", self.transport.value())
        assert asked is not None
        proof = base64.b64encode(hashlib.sha1(asked[1] + _GUID).digest())
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.client.dataReceived(head + b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n")


class WebSocketChannelTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.server = Server()
        clock: Any = Clock()
        self.channel = WebSocketChannel(
            reactor=clock,
            server="http://cells.example",
            kernel_id="k",
            headers={},
            connect=lambda _: self.server,
        )
        opened = Deferred.fromCoroutine(self.channel.open())
        self.server.accept()
        self.successResultOf(opened)

    def test_messages_arrive(self) -> None:
        self.server.client.dataReceived(b'\x81\x07{"a":1}')
        received = Deferred.fromCoroutine(self.channel.receive())
        assert self.successResultOf(received) == {"a": 1}

    def test_a_message_without_end_is_not_kept(self) -> None:
        received = Deferred.fromCoroutine(self.channel.receive())
        self.server.client.dataReceived(b"\x81\x7f" + (1 << 40).to_bytes(8, "big") + b"x" * 1000)
        assert self.server.transport.disconnected
        self.server.client.connectionLost(Failure(ConnectionDone()))
        self.failureResultOf(received, Failed)
