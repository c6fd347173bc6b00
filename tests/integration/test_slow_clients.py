"""Clients with slow requests do not block others."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
import requests

from tests.integration.servers import Server
from tests.integration.waiting import until

pytestmark = pytest.mark.integration

#: More than the server's descriptors, of which four fifths are for connections.
MANY = 1200
DESCRIPTORS = 1024


@pytest.fixture(autouse=True)
def many_descriptors() -> Iterator[None]:
    """All the clients are in the process of the tests."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(server: Server, opened: ExitStack, source: str) -> socket.socket | None:
    """Connect from an address, and send the first bytes of a request; None without an answer."""
    client = opened.enter_context(socket.socket())
    client.bind((source, 0))
    client.settimeout(0.5)
    try:
        client.connect(("127.0.0.1", server.port))
    except TimeoutError:
        return None
    with suppress(OSError):  # disconnected
        client.sendall(b"GET /api/st")
    return client


def go_on(server: Server) -> None:
    """An ordinary visitor sends several requests, each on a new connection."""
    for _ in range(5):
        assert requests.get(f"{server.url}/status.json", timeout=60).status_code == 200
    answer = requests.post(f"{server.url}/service", {"code": "print(6*7)"}, timeout=60)
    assert answer.json()["stdout"] == "42\n"


@pytest.mark.parametrize("proxies", [None, ("127.0.0.1/32",)])
def test_half_requests_of_many_addresses(proxies: tuple[str, ...] | None) -> None:
    with Server(descriptors=DESCRIPTORS, proxies=proxies) as server, ExitStack() as opened:
        for number in range(MANY):
            connect(server, opened, f"127.0.{1 + number // 250}.{1 + number % 250}")
        go_on(server)
        go_on(server)
        assert "Traceback" not in server.log()


def test_half_requests_of_one_address() -> None:
    with (
        Server(
            proxies=("127.0.0.1/32",), limits={"requests.connections_per_address": 100}
        ) as server,
        ExitStack() as opened,
    ):
        clients = [connect(server, opened, "127.0.0.2") for _ in range(150)]
        server_connections = lambda: [  # noqa: E731
            each for each in server.web.net_connections("tcp") if each.status == "ESTABLISHED"
        ]
        until(lambda: len(server_connections()) == 100)
        last = clients[-1]
        assert last is not None
        last.settimeout(60)
        with suppress(ConnectionResetError):
            told = last.recv(1000)
            assert told.startswith(b"HTTP/1.1 429 ")
            assert b"too_many_connections" in told
        go_on(server)
        assert (
            server.log().count("refusing more connections of 127.0.0.2, which has 100 already") == 1
        )
