"""Sockets that the keeper opens, and on which workers accept."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import succeed
from twisted.internet.endpoints import serverFromString
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.protocol import Factory
from twisted.internet.ssl import CertificateOptions
from twisted.internet.testing import MemoryReactor
from twisted.protocols.tls import TLSMemoryBIOFactory

from sagecell_tx.workers.sockets import AdoptingReactor, HeldEndpoint, OpenSocket, adoptable


@pytest.mark.parametrize(
    ("endpoint", "adopted"),
    [
        ("tcp:8888:interface=127.0.0.1", "tcp:8888:interface=127.0.0.1"),
        ("systemd:domain=INET:index=0", "tcp:0"),
        ("haproxy:systemd:domain=INET:name=x", "haproxy:tcp:0"),
        ("haproxy:tcp:80", "haproxy:tcp:80"),
        ("unix:/run/systemd:x", "unix:/run/systemd:x"),
    ],
)
def test_only_the_keeper_has_sockets_of_systemd(endpoint: str, adopted: str) -> None:
    assert adoptable(endpoint) == adopted


class AdoptionReactor:
    """Records what is adopted."""

    def __init__(self) -> None:
        self.adopted: list[tuple[int, int, Any]] = []

    def adoptStreamPort(self, descriptor: int, family: int, factory: Any) -> Any:  # noqa: N802
        os.fstat(descriptor)
        self.adopted.append((descriptor, family, factory))
        return type("Adopted", (), {})()


@pytest.mark.parametrize(
    "endpoint", ["tcp:80", "tcp6:80", "unix:/nowhere/socket", "haproxy:tcp:80"]
)
def test_an_endpoint_adopts_a_socket_that_is_open(endpoint: str) -> None:
    reactor, factory = AdoptionReactor(), Factory()
    descriptor = os.open("/dev/null", os.O_RDONLY)
    opened = OpenSocket(descriptor, int(socket.AF_INET))
    serverFromString(AdoptingReactor(reactor, opened), endpoint).listen(factory)
    ((adopted, family, _),) = reactor.adopted
    assert (adopted, family) == (descriptor, socket.AF_INET)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_tls_is_the_workers_own() -> None:
    reactor = AdoptionReactor()
    opened = OpenSocket(os.open("/dev/null", os.O_RDONLY), int(socket.AF_INET))
    AdoptingReactor(reactor, opened).listenSSL(443, Factory(), CertificateOptions())
    assert isinstance(reactor.adopted[0][2], TLSMemoryBIOFactory)


class HeldPort:
    """A port that has been opened."""

    addressFamily = socket.AF_INET6  # noqa: N815 - Twisted's name
    reads = True

    def fileno(self) -> int:
        return 7

    def stopReading(self) -> None:  # noqa: N802
        self.reads = False


def test_the_keeper_accepts_nothing() -> None:
    port, opened = HeldPort(), list[OpenSocket]()
    endpoint = type("Endpoint", (), {"listen": lambda self, factory: succeed(port)})()
    got = HeldEndpoint(endpoint, opened.append).listen(Factory())
    assert got.result is port
    assert not port.reads
    assert opened == [OpenSocket(7, socket.AF_INET6)]


class SocketReactor(MemoryReactor):
    """A reactor in memory that adopts real sockets."""

    _supportedAddressFamilies = (socket.AF_INET, socket.AF_UNIX)  # noqa: N815 - Twisted's names
    adoptStreamPort = PosixReactorBase.adoptStreamPort  # noqa: N815


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_a_worker_that_closes_it_closes_it_for_nobody_else(
    family: socket.AddressFamily, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # UNIX sockets have short paths
    address: Any = ("127.0.0.1", 0) if family is socket.AF_INET else "socket"
    with socket.socket(family) as listener, socket.socket(family) as client:
        listener.bind(address)
        listener.listen()
        opened = OpenSocket(os.dup(listener.fileno()), int(family))
        port: Any = AdoptingReactor(SocketReactor(), opened).listenTCP(0, Factory())
        port.connectionLost(None)
        client.connect(listener.getsockname())
        accepted, _ = listener.accept()
        accepted.close()
