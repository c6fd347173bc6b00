"""Two servers behind the real proxies: each request finds its kernel's, also while one is drained."""

from __future__ import annotations

import shutil
import signal

import pytest
import requests
import websocket

from tests.integration.notebooks import Notebook
from tests.integration.script import Client, Poller, text
from tests.integration.servers import Server
from tests.integration.sockjspage import PAGE, Polling
from tests.integration.test_proxies import PROXIES, proxied
from tests.integration.waiting import until

pytestmark = pytest.mark.integration


def start(proxy: str, page: str = "", timeout: str = "600") -> str:
    """Start a kernel; returns its id."""
    answer = requests.post(f"{proxy}/kernel?{page}", {"timeout": timeout}, timeout=60)
    assert answer.status_code == 200, (answer.status_code, answer.text)
    kernel_id: str = answer.json()["id"]
    return kernel_id


class Visitors:
    """Sessions of all kinds through a proxy, at both servers."""

    def __init__(self, proxy: str) -> None:
        self.proxy = proxy
        self.clients: dict[str, Client] = {}
        self.notebooks: dict[str, Notebook] = {}
        while len(self.clients) < 2:
            client = Client(proxy, timeout="600")
            if client.kernel_id[:4] in self.clients:
                client.close()
                requests.delete(f"{proxy}/kernel/{client.kernel_id}", timeout=60)
            else:
                self.clients[client.kernel_id[:4]] = client
        self.pollers: dict[str, Poller] = {}
        while len(self.pollers) < 2:
            poller = Poller(proxy)
            if self.pollers.setdefault(poller.kernel_id[:4], poller) is not poller:
                poller.end()
        self.page = start(proxy, PAGE)
        self.sockjs = Polling(proxy, "page")
        self.rounds = 0
        through = type("Through", (), {"url": proxy})()
        while len(self.notebooks) < 2:
            notebook = Notebook(through)
            if notebook.kernel_id[:4] in self.notebooks:
                notebook.close()
            else:
                self.notebooks[notebook.kernel_id[:4]] = notebook

    def go_on(self) -> None:
        """Each session has its variables, its files and its messages."""
        self.rounds += 1
        name = f"{self.rounds}.txt"
        for client in self.clients.values():
            said = client.run(
                f"n = globals().get('n', 0) + 1; print(n); open('{name}', 'w').write('x')"
            )
            assert text(said) == f"{self.rounds}\n"
            file = client.file(name)
            assert (file.status_code, file.text) == (200, "x")
            model = requests.get(f"{self.proxy}/api/kernels/{client.kernel_id}", timeout=60)
            assert model.status_code == 200
        for poller in self.pollers.values():
            poller.work()
        for notebook in self.notebooks.values():
            assert notebook.text("n = globals().get('n', 0) + 1; n; print(n)") == f"{self.rounds}\n"
        code = "n = globals().get('n', 0) + 1; print(n)"
        assert self.sockjs.run(self.page, code, f"m{self.rounds}") == f"{self.rounds}\n"

    def close(self) -> None:
        for client in self.clients.values():
            client.close()
            requests.delete(f"{self.proxy}/kernel/{client.kernel_id}", timeout=60)
        for poller in self.pollers.values():
            assert poller.end() == "stopped"
        for notebook in self.notebooks.values():
            notebook.close()
        requests.delete(f"{self.proxy}/kernel/{self.page}", timeout=60)
        self.sockjs.leave()


@pytest.mark.parametrize("name", PROXIES)
def test_two_servers_of_which_one_is_drained(name: str) -> None:
    """contract: 10"""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    limits = {
        "lifetime.drain_seconds": 60,
        "lifetime.detached_seconds": 60,
        "sockjs.disconnect_seconds": 60,
    }
    with (
        Server(node=1, limits=limits) as one,
        Server(node=2, limits=limits) as two,
        proxied(name, one, two) as proxy,
    ):
        visitors = Visitors(proxy)
        visitors.go_on()
        # That with the page's SockJS connection is drained.
        drained, other = (one, two) if visitors.page.startswith("0001") else (two, one)
        assert drained.process is not None
        drained.process.send_signal(signal.SIGHUP)
        assert drained.notice().startswith(b"STATUS=draining")
        for number in range(6):
            page = PAGE if number % 2 else ""
            assert start(proxy, page, timeout="0").startswith(f"{other.node:04d}")
            answer = requests.post(f"{proxy}/service", {"code": "print(6*7)"}, timeout=60)
            assert answer.status_code == 200, answer.text
            assert answer.json()["stdout"] == "42\n"
        visitors.go_on()
        # A new page, or a new connection of this one, is the other server's.
        for number, page in enumerate([PAGE, "CellSessionID=another"]):
            kernel_id = start(proxy, page)
            assert kernel_id.startswith(f"{other.node:04d}")
            again = Polling(proxy, f"again{number}", page)
            assert again.run(kernel_id, "print(1)", "m1") == "1\n"
            address = f"{proxy.replace('http', 'ws', 1)}/sockjs/000/w{number}/websocket?{page}"
            socket = websocket.create_connection(address, timeout=60)
            assert socket.recv() == "o"
            socket.close()
        visitors.go_on()
        visitors.close()
        until(lambda: drained.process is not None and drained.process.poll() is not None)
        assert drained.process.poll() == 0
        for _ in range(3):
            assert start(proxy, PAGE, timeout="0").startswith(f"{other.node:04d}")
        for server in (one, two):
            assert "Traceback" not in server.log()
