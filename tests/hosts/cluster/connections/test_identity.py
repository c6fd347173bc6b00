"""Keys and certificates, and connections of TLS in memory between those that know one another."""

from __future__ import annotations

import socket
import stat
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IHandshakeListener, ISystemHandle
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.test.iosim import connectedServerAndClient
from zope.interface import implementer

from sagecell_tx.config import ConfigError
from sagecell_tx.hosts.cluster.connections.identity import (
    CERTIFICATE,
    KEY,
    Identity,
    PinnedTls,
    prepare_socket,
    why_lost,
)

WEB, AGENT, STRANGER = (Identity.new(name) for name in ("web", "agent", "stranger"))


@implementer(IHandshakeListener)
class End(Protocol):
    """One end: whether its handshake is over, what it has received, and whether it is closed."""

    def __init__(self) -> None:
        self.shaken = self.closed = False
        self.why = ""
        self.data = b""

    def handshakeCompleted(self) -> None:  # noqa: N802
        self.shaken = True

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        self.data += data

    def connectionLost(self, reason: Failure | None = None) -> None:  # noqa: N802
        self.closed = True
        assert reason is not None
        self.why = why_lost(reason)


class NoCertificate(PinnedTls):
    """A client that shows none."""

    def __init__(self) -> None:
        super().__init__(STRANGER, [AGENT.fingerprint])
        self._context = SSL.Context(SSL.TLS_METHOD)


class OddCertificate(NoCertificate):
    """A client whose certificate has a version that only OpenSSL takes."""

    def __init__(self) -> None:
        super().__init__()
        whole = x509.load_pem_x509_certificate(STRANGER.certificate)
        shown = whole.public_bytes(serialization.Encoding.DER)
        version = bytes.fromhex("a003020102")
        assert version in shown
        odd = shown.replace(version, bytes.fromhex("a003020105"), 1)
        library: Any = SSL._lib  # type: ignore[attr-defined]
        certificate: Any = crypto.load_certificate(crypto.FILETYPE_ASN1, odd)
        context: Any = self._context
        # Its own method wants one of the package cryptography, which does not take this one.
        assert library.SSL_CTX_use_certificate(context._context, certificate._x509) == 1
        context.use_privatekey(serialization.load_pem_private_key(STRANGER.key, None))


def joined(web: PinnedTls, agent: PinnedTls) -> tuple[End, End]:
    """Both ends of a connection, after all that can be exchanged was."""
    near, far = End(), End()
    clock = Clock()

    def wrapped(tls: PinnedTls, is_client: bool, end: End) -> Protocol:
        made = TLSMemoryBIOFactory(tls, is_client, Factory.forProtocol(lambda: end), clock)
        protocol = made.buildProtocol(None)
        assert protocol is not None
        return protocol

    _, _, pump = connectedServerAndClient(
        lambda: wrapped(agent, False, far), lambda: wrapped(web, True, near), greet=True
    )
    pump.flush()
    for end in (near, far):
        if not end.closed:
            assert end.transport is not None
            end.transport.write(b"hello")
    clock.advance(1)
    pump.flush()
    return near, far


def test_ends_that_know_each_other():
    near, far = joined(
        PinnedTls(WEB, [AGENT.fingerprint]), PinnedTls(AGENT, ["00" * 32, WEB.fingerprint])
    )
    assert near.shaken
    assert far.shaken
    assert (near.data, far.data) == (b"hello", b"hello")
    tls = PinnedTls(AGENT, [WEB.fingerprint])
    assert tls.is_pinned(far.transport.getHandle())  # type: ignore[union-attr]
    assert not PinnedTls(AGENT, []).is_pinned(far.transport.getHandle())  # type: ignore[union-attr]
    prepare_socket(far.transport)  # in memory there is none


@implementer(ISystemHandle)
class TcpTransport:
    """A transport of TCP, which is not connected."""

    def __init__(self) -> None:
        self.handle = socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    def getHandle(self) -> socket.socket:  # noqa: N802
        return self.handle


def test_a_connection_whose_other_end_is_gone_is_found_out():
    transport = TcpTransport()
    with transport.handle as tcp:
        prepare_socket(transport)
        assert tcp.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        idle, interval, probes = (
            tcp.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        assert idle + interval * probes == 60
        assert tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_an_agent_takes_no_stranger():
    near, far = joined(
        PinnedTls(STRANGER, [AGENT.fingerprint]), PinnedTls(AGENT, [WEB.fingerprint])
    )
    assert (far.shaken, far.data, far.closed) == (False, b"", True)
    assert near.data == b""
    assert near.why.startswith("it refused this end's certificate, whose fingerprint it must have")
    assert far.why.startswith("its certificate is not one of those that are pinned")


def test_nor_somebody_without_a_certificate():
    _, far = joined(NoCertificate(), PinnedTls(AGENT, [WEB.fingerprint]))
    assert (far.shaken, far.data, far.closed) == (False, b"", True)


def test_nor_one_whose_certificate_cannot_be_read():
    _, far = joined(OddCertificate(), PinnedTls(AGENT, [WEB.fingerprint]))
    assert (far.shaken, far.data, far.closed) == (False, b"", True)
    assert far.why.startswith("its certificate is not one of those that are pinned")


def test_a_web_process_tells_a_stranger_nothing():
    near, far = joined(PinnedTls(WEB, [AGENT.fingerprint]), PinnedTls(STRANGER, [WEB.fingerprint]))
    assert (near.shaken, near.closed) == (False, True)
    assert far.data == b""
    assert near.why.startswith("its certificate is not one of those that are pinned")


def test_other_reasons_are_told_as_they_are():
    assert why_lost(Failure(ConnectionRefusedError("refused"))) == "refused"
    assert why_lost(Failure(SSL.Error([]))).startswith("TLS: ")
    assert why_lost(Failure(SSL.Error([("a", "b", "c")]))) == "TLS: c"


def test_keys_are_kept_from_other_accounts(tmp_path):
    directory = tmp_path / "keys"
    WEB.write(directory)
    assert Identity.read(directory) == WEB
    assert stat.S_IMODE((directory / KEY).stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    with pytest.raises(FileExistsError):
        AGENT.write(directory)
    assert Identity.read(directory) == WEB


def test_keys_that_are_missing_or_no_pair(tmp_path):
    with pytest.raises(ConfigError, match="sagecell-tx cluster keys"):
        Identity.read(tmp_path)
    WEB.write(tmp_path)
    for content in (AGENT.certificate, b"", b"nonsense"):
        (tmp_path / CERTIFICATE).write_bytes(content)
        with pytest.raises(ConfigError, match="not a pair"):
            Identity.read(tmp_path)


def test_the_key_is_in_no_repr():
    assert "PRIVATE" not in repr(WEB)
    assert WEB.key not in WEB.certificate
    assert len(WEB.fingerprint) == 64
