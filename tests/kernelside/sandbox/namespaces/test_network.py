"""Kernels with a proxy: the listener that they send, and what they can reach."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from sagecell_tx.hosts.network.allowlist import AllowList
from sagecell_tx.hosts.network.fdpassing import ListenerReceiver
from sagecell_tx.wire.proxywire import Destination, refusal
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
        "%%bash\npip install no-such-package",
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


@pytest.mark.parametrize(
    "code",
    [
        "import subprocess\nsubprocess.run(['pip', 'install', 'no-such-package'])",
        "import subprocess, sys\nsubprocess.call([sys.executable, '-m', 'pip', 'install', 'x'])",
        "import subprocess\nsubprocess.run('pip install x', shell=True, capture_output=True)",
        "import subprocess\nsubprocess.check_output(['pip', 'download', 'x'])",
        "import os\nstatus = os.system('pip install x')",
        "said = !pip install x",
    ],
)
def test_without_a_proxy_a_command_of_the_program_ends_in_it_once(unconnected, code):
    said = unconnected.run(code).text("stderr")
    assert said.endswith("Programs on this server have no network.\n")
    assert said.count("no network") == 1


def test_without_a_proxy_other_commands_are_left_alone(unconnected):
    code = (
        "import os, subprocess\nsubprocess.run('exit 3', shell=True).returncode, os.system('false')"
    )
    result = unconnected.run(code)
    assert (result.text("stderr"), result.of("execute_result")[0]["data"]["text/plain"]) == (
        "",
        "(3, 256)",
    )


def test_without_a_proxy_an_error_of_a_thread_ends_in_the_same_sentence(unconnected):
    code = """
import threading, urllib.request
thread = threading.Thread(target=lambda: urllib.request.urlopen('https://example.org/'))
thread.start()
thread.join()
"""
    said = unconnected.run(code).text("stderr")
    assert said.endswith("Programs on this server have no network.\n")
    assert "urllib/request.py" not in said


@pytest.mark.parametrize(
    "code",
    [
        f"{program}{scheme}://example.org/x'){after}"
        for scheme in ("http", "https")
        for program, after in (
            ("import urllib.request\nurllib.request.urlopen('", ""),
            ("import requests\nrequests.get('", ".raise_for_status()"),
            ("import requests\nrequests.get('", ".json()"),
            ("import pandas as pd\npd.read_csv('", ""),
        )
    ],
)
def test_with_a_proxy_a_refusal_ends_in_a_sentence(connected, code):
    cell, listener = connected
    request = cell.execute(code)
    connection, _ = listener.accept()
    with connection:
        assert connection.recv(1000).startswith((b"CONNECT example.org:443", b"GET http://"))
        allowed = AllowList.of(["data.example.org"], [80, 443])
        connection.sendall(refusal(403, allowed.objection(Destination("example.org", 80))))
    (content,) = cell.result(request).of("error")
    lines = "\n".join(content["traceback"])
    assert lines.rstrip().endswith(
        "Programs on this server reach only these hosts: data.example.org."
    )
    assert lines.count("Traceback (most recent call last)") == 1
    assert "File " not in lines


def test_pip_tries_once_where_it_cannot_reach_its_packages(connected, unconnected):
    cell, _ = connected
    for each in (cell, unconnected):
        assert each.value("import os\nos.environ['PIP_RETRIES']") == "'0'"
