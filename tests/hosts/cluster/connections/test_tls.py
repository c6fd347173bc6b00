"""Connections of TLS in memory, whose protocols are told when all of a read is delivered."""

from __future__ import annotations

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.test.iosim import connectedServerAndClient

from sagecell_tx.hosts.cluster.connections.identity import Identity, PinnedTls
from sagecell_tx.hosts.cluster.connections.tls import PiecesProtocol, TlsFactory

WEB, AGENT = (Identity.new(name) for name in ("web", "agent"))


class Pieces(PiecesProtocol):
    """Pieces that have come, in a list for each read."""

    def __init__(self) -> None:
        self.reads: list[list[bytes]] = []
        self._coming: list[bytes] = []

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        self._coming.append(data)

    def all_received(self) -> None:
        if self._coming:
            self.reads.append(self._coming)
            self._coming = []


def test_it_is_told_after_the_last_piece_of_a_read():
    near, far, clock = Pieces(), Protocol(), Clock()

    def secured(own: Identity, other: Identity, is_client: bool, end: Protocol) -> Protocol:
        made = TlsFactory(
            PinnedTls(own, [other.fingerprint]),
            is_client=is_client,
            factory=Factory.forProtocol(lambda: end),
            clock=clock,
        ).buildProtocol(None)
        assert made is not None
        return made

    _, _, pump = connectedServerAndClient(
        lambda: secured(AGENT, WEB, False, far), lambda: secured(WEB, AGENT, True, near), greet=True
    )
    pump.flush()
    assert far.transport is not None
    long = bytes(100_000)
    far.transport.write(long)
    pump.flush()
    far.transport.write(b"short")
    clock.advance(1)
    pump.flush()
    first, second = near.reads
    assert len(first) > 1
    assert (b"".join(first), second) == (long, [b"short"])
