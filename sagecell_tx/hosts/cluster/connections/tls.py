"""Connections of TLS that say when all is delivered of what was read at once.

OpenSSL gives out 16 KiB at a time, in whatever pieces the other end has written, and Twisted delivers each of them by itself. To
pass them on together costs a fraction.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from twisted.internet.interfaces import IProtocolFactory, IReactorTime
from twisted.internet.protocol import Protocol as StreamProtocol
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOFactory
from typing_extensions import override

from sagecell_tx.hosts.cluster.connections.identity import PinnedTls


class PiecesProtocol(StreamProtocol):
    """A protocol whose `dataReceived` gets pieces of what was read, and that is told after the last one."""

    @abstractmethod
    def all_received(self) -> None:
        """There is nothing more of what was read at once."""


class _TellingTransport(BufferingTLSTransport):
    @override
    def dataReceived(self, bytes: Any) -> None:
        super().dataReceived(bytes)
        if isinstance(self.wrappedProtocol, PiecesProtocol):
            self.wrappedProtocol.all_received()


class TlsFactory(TLSMemoryBIOFactory):
    """Adds TLS to the connections of a factory, whose protocols may be a `PiecesProtocol`."""

    protocol = _TellingTransport

    def __init__(
        self, tls: PinnedTls, *, is_client: bool, factory: IProtocolFactory, clock: IReactorTime
    ) -> None:
        super().__init__(tls, is_client, factory, clock)
