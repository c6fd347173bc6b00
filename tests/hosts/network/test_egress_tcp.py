"""The proxy with real connections: every host is this one, and the client is `requests`."""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from pytest_twisted import ensureDeferred
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from sagecell_tx.hosts.directories.workdir import WorkDirs
from sagecell_tx.hosts.network.allowlist import AllowList
from sagecell_tx.hosts.network.egress import TAKEN, Network, Outlet
from sagecell_tx.limits import NetworkLimits
from tests.hosts.network.networked import MemoryNames
from tests.hosts.network.test_fdpassing import send
from tests.kernelside.confined import confined, kinds

pytestmark = pytest.mark.integration

#: More bytes than all buffers on the way hold.
LARGE = 16 << 20

#: The timeout of each operation, in seconds.
PATIENCE = 60


class Page(BaseHTTPRequestHandler):
    """A server that echoes a body, or sends as many bytes as the path says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(b"x" * int(self.path.strip("/")))

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            # As servers do: else a client may reuse the connection before it sees the end.
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Deployment:
    """An outlet that answers on a port of this machine, and a server that it may reach."""

    def __init__(self) -> None:
        from twisted.internet import reactor  # noqa: TID251 - a test that needs the real one

        self.directory = Path(tempfile.mkdtemp(dir="/tmp"))
        self.page = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.port = self.page.server_address[1]
        self.thread = threading.Thread(target=self.page.serve_forever, args=(0.01,))
        self.thread.start()
        names: Any = MemoryNames(known={"page.example": ["127.0.0.1"]})
        self.network = Network(
            reactor=reactor,
            allowed=AllowList.of(["*.example"], [self.port]),
            limits=NetworkLimits(idle_seconds=PATIENCE),
            resolver=names,
            is_public=lambda address: address == "127.0.0.1",
        )
        self.session = requests.Session()
        self.outlet: Outlet | None = None

    def open(self) -> None:
        directory = WorkDirs(self.directory, lambda: "0").make()
        self.outlet = self.network.outlet(directory, lambda: "hers")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            send(directory, listener.fileno())
            self.outlet.take_listener()
            self.proxy = listener.getsockname()

    def ask(self, method: str, url: str, **options: Any) -> Deferred[requests.Response]:
        """Get a page through the proxy."""
        host, port = self.proxy
        proxies = {"http": f"http://{host}:{port}", "https": f"http://{host}:{port}"}
        self.session.trust_env = False
        url = url.replace("PORT", str(self.port))
        return deferToThread(
            self.session.request, method, url, proxies=proxies, timeout=PATIENCE, **options
        )

    def tunnel(self, there: bytes, count: int) -> Deferred[bytes]:
        """Send bytes through a tunnel and read so many, without an HTTP library."""
        return deferToThread(self._tunnel, there, count)

    def _tunnel(self, there: bytes, count: int) -> bytes:
        with socket.create_connection(self.proxy, PATIENCE) as client:
            client.sendall(b"CONNECT page.example:%d HTTP/1.1\r\nHost: x\r\n\r\n" % self.port)
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                answer += client.recv(1)
            sender = threading.Thread(target=client.sendall, args=(there,))
            sender.start()
            taken = bytearray(answer)
            while len(taken) < count:
                taken += client.recv(65536)
            sender.join()
            return bytes(taken)

    def close(self) -> None:
        self.session.close()
        if self.outlet is not None:
            self.outlet.close()
        self.page.shutdown()
        self.thread.join()
        self.page.server_close()
        shutil.rmtree(self.directory)


@pytest.fixture
def deployment():
    made = Deployment()
    yield made
    made.close()


@pytest.fixture
def proxied(deployment):
    deployment.open()
    return deployment


@ensureDeferred
async def test_a_page_is_fetched(proxied):
    for _ in range(2):
        answer = await proxied.ask("GET", "http://page.example:PORT/5")
        assert (answer.status_code, answer.text) == (200, "xxxxx")


@ensureDeferred
async def test_much_goes_both_ways(proxied):
    sent = b"0123456789abcdef" * (LARGE // 16)
    answer = await proxied.ask("POST", "http://page.example:PORT/", data=sent)
    assert answer.content == sent


@ensureDeferred
async def test_a_tunnel_holds_what_two_requests_say(proxied):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % LARGE
    said = await proxied.tunnel((head + b"y" * LARGE) * 2, 2 * LARGE)
    assert said.startswith(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.")
    assert said.count(b"y") >= 2 * LARGE - 1000  # the traffic includes heads


@ensureDeferred
async def test_a_refusal_is_what_requests_shows(proxied):
    answer = await proxied.ask("GET", "http://other.test:PORT/")
    assert answer.status_code == 403
    assert answer.text == "other.test is not among the hosts that programs here may reach.\n"
    with pytest.raises(requests.exceptions.ProxyError, match=r"other\.test is not among the hosts"):
        await proxied.ask("GET", "https://other.test:PORT/")


@ensureDeferred
async def test_a_refusal_is_heard_by_who_still_sends(proxied):
    for host in ("other.test", "unknown.example"):
        answer = await proxied.ask("POST", f"http://{host}:PORT/", data=b"x" * LARGE)
        assert answer.status_code in (403, 502)


@ensureDeferred
async def test_connections_that_come_too_fast_wait_and_are_answered(proxied):
    for _ in range(TAKEN + 5):
        answer = await proxied.ask("GET", "http://other.test:PORT/")
        assert answer.status_code == 403


@ensureDeferred
async def test_a_host_that_nobody_knows(proxied):
    answer = await proxied.ask("GET", "http://unknown.example:PORT/")
    assert answer.status_code == 502
    assert answer.text.startswith("unknown.example cannot be found")


@ensureDeferred
async def test_a_confined_program_fetches_a_page_without_being_told_how(deployment):
    code = f"""
import urllib.request
print(urllib.request.urlopen('http://page.example:{deployment.port}/7').read())
"""
    with confined(kinds()[0]) as server:
        directory = server.directory()
        deployment.outlet = deployment.network.outlet(directory, lambda: "hers")
        cell = server.begin(directory, proxy=True).cell()
        deployment.outlet.take_listener()
        result = await deferToThread(cell.run, code)
        assert result.text() == "b'xxxxxxx'\n", result
        cell.stop()
