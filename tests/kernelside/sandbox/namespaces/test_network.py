"""Kernels with a proxy: the listener that they send, and what they can reach."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from sagecell_tx.hosts.network.fdpassing import ListenerReceiver
from tests.kernelside.confined import Kind, confined, kinds
from tests.kernelside.driving import Cell, Server

pytestmark = pytest.mark.integration

#: The timeout of each operation, in seconds.
PATIENCE = 60.0

confining = [kind for kind in kinds() if kind.level == "namespaces"]


@pytest.fixture(scope="module", params=confining, ids=str)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    kind: Kind = request.param
    with confined(kind) as server:
        yield server


@pytest.fixture
def connected(server: Server) -> Iterator[tuple[Cell, socket.socket]]:
    """A kernel and the listener that it has sent."""
    directory = server.directory()
    receiver = ListenerReceiver.below(directory)
    cell = server.begin(directory, proxy=True, hosts=("data.example.org",)).cell()
    with receiver.take() as listener:
        receiver.close()
        listener.settimeout(PATIENCE)
        yield cell, listener
        cell.stop()


def test_what_a_program_asks_of_the_proxy_comes_to_the_server(connected):
    cell, listener = connected
    code = """
import urllib.request
with urllib.request.urlopen('http://example.org/', timeout=60) as answer:
    print(answer.read().decode())
"""
    request = cell.execute(code)
    connection, _ = listener.accept()
    with connection:
        assert connection.recv(1000).startswith(b"GET http://example.org/ HTTP/1.1\r\n")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        assert cell.result(request).text() == "hi\n"


def test_there_is_no_other_way_out(connected):
    cell, _ = connected
    with socket.create_server(("127.0.0.1", 0)) as outside:
        port = outside.getsockname()[1]
        for where in (("127.0.0.1", port), ("192.0.2.1", 80)):
            result = cell.run(f"import socket\nsocket.create_connection({where!r}, 5)")
            assert result.reply["ename"] in ("ConnectionRefusedError", "OSError")


def test_a_program_finds_nobody_to_hand_another_listener_to(connected):
    cell, _ = connected
    code = """
import os, socket
print(sorted(os.listdir('/run/ipc')))
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).connect('/run/ipc/net')
"""
    result = cell.run(code)
    assert "net" not in result.text()
    assert result.reply["ename"] == "FileNotFoundError"


def test_a_program_does_not_have_the_listener_itself(connected):
    cell, _ = connected
    code = """
import os, socket
for name in os.listdir('/proc/self/fd'):
    try:
        found = socket.socket(fileno=os.dup(int(name)))
    except OSError:
        continue
    with found:
        if found.family == socket.AF_INET:
            print('found', name)
"""
    result = cell.run(code)
    assert (result.reply["status"], result.text()) == ("ok", "")


def test_a_kernel_without_one_is_told_nothing(server):
    cell = server.start()
    code = "import os; print([name for name in os.environ if 'proxy' in name.lower()])"
    assert cell.run(code).text() == "[]\n"
    cell.stop()


def test_a_server_that_does_not_wait_for_a_listener_gets_no_kernel(server):
    assert server.begin(proxy=True).ended()["status"] == 1


@pytest.fixture
def unconnected(server: Server) -> Iterator[Cell]:
    """A kernel without a proxy."""
    cell = server.start()
    yield cell
    cell.stop()


@pytest.mark.parametrize(
    "code",
    [
        "import urllib.request\nurllib.request.urlopen('https://example.org/')",
        "import socket\nsocket.create_connection(('93.184.216.34', 80))",
        "import requests\nrequests.get('https://example.org/')",
        "import pandas as pd\npd.read_csv('https://example.org/x.csv')",
    ],
)
def test_without_a_proxy_an_error_ends_in_one_sentence(unconnected, code):
    result = unconnected.run(code)
    (content,) = result.of("error")
    lines = "\n".join(content["traceback"])
    assert lines.rstrip().endswith("Programs on this server have no network.")
    assert "/lib/" not in lines
    assert "urllib/request.py" not in lines
    assert "socket.py" not in lines
    assert lines.count("Traceback (most recent call last)") == 1


def test_without_a_proxy_an_installation_ends_in_the_same_sentence(unconnected):
    result = unconnected.run("!pip install no-such-package-at-all")
    assert result.text("stderr").endswith("Programs on this server have no network.\n")
    assert "Retrying" not in result.text() + result.text("stderr")
    assert "network" not in unconnected.run("!ls nowhere").text("stderr")


def test_with_a_proxy_a_refusal_ends_in_a_sentence(connected):
    cell, listener = connected
    request = cell.execute("import urllib.request\nurllib.request.urlopen('https://example.org/')")
    connection, _ = listener.accept()
    with connection:
        assert connection.recv(1000).startswith(b"CONNECT example.org:443")
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        (content,) = cell.result(request).of("error")
    assert (
        content["traceback"][-1]
        .rstrip()
        .endswith("Programs on this server reach only these hosts: data.example.org.")
    )
