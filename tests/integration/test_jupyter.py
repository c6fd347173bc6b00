"""Real kernels over the WebSocket of Jupyter's clients: floods arrive whole, and a restart is a new process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest
import websocket

from sagecell_tx.wire import v1wire
from tests.http.jupyter.joining import execute, read_v1
from tests.integration.servers import Server

pytestmark = pytest.mark.integration


class Notebook:
    """A client that speaks the subprotocol v1."""

    def __init__(self, server: Server) -> None:
        self.server, self._count = server, 0
        self.kernel_id = self.call("/api/kernels")["id"]
        url = server.url.replace("http", "ws", 1)
        self.socket = websocket.create_connection(
            f"{url}/api/kernels/{self.kernel_id}/channels?session_id=1",
            timeout=60,
            subprotocols=[v1wire.SUBPROTOCOL],
        )
        assert self.next()["content"] == {"execution_state": "idle"}

    def call(self, path: str) -> Any:
        with urlopen(Request(f"{self.server.url}{path}", method="POST"), timeout=60) as answer:
            return json.load(answer)

    def next(self) -> dict[str, Any]:
        return read_v1(self.socket.recv())

    def run(self, code: str) -> Iterator[dict[str, Any]]:
        """What the kernel publishes for a program, the last status excluded."""
        self._count += 1
        msg_id = f"r{self._count}"
        self.socket.send_binary(b"".join(v1wire.render(execute(code, msg_id))))
        while True:
            message = self.next()
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            if message["content"].get("execution_state") == "idle":
                return
            yield message


@pytest.fixture
def notebook(server: Server) -> Iterator[Notebook]:
    notebook = Notebook(server)
    yield notebook
    notebook.socket.close()
    url = f"{server.url}/api/kernels/{notebook.kernel_id}"
    urlopen(Request(url, method="DELETE"), timeout=60).close()


def test_five_thousand_displays_in_a_burst_arrive_whole(notebook: Notebook) -> None:
    code = "for i in range(5000): display({'text/plain': str(i)}, raw=True)"
    shown = [
        each["content"]["data"]["text/plain"]
        for each in notebook.run(code)
        if each["header"]["msg_type"] == "display_data"
    ]
    assert shown == [str(i) for i in range(5000)]


def test_ten_megabytes_in_one_print_arrive_whole(notebook: Notebook) -> None:
    text = "".join(
        each["content"]["text"]
        for each in notebook.run("print('0123456789' * 1_000_000)")
        if each["header"]["msg_type"] == "stream"
    )
    assert text == "0123456789" * 1_000_000 + "\n"


def test_a_restart_is_a_new_process_on_the_same_socket(notebook: Notebook) -> None:
    code = "import os; print(os.urandom(8).hex(), 'x' in globals()); x = 1"
    for _ in range(2):
        before = [*notebook.run(code)]
        assert before[-1]["content"]["execution_count"] == 1
        text = "".join(each["content"].get("text", "") for each in before)
        assert text.endswith("False\n")
        assert (
            notebook.call(f"/api/kernels/{notebook.kernel_id}/restart")["id"] == notebook.kernel_id
        )
        told = [notebook.next() for _ in range(6)]
        assert [
            each["content"].get("execution_state", each["header"]["msg_type"]) for each in told
        ] == ["busy", "idle", "shutdown_reply", "starting", "busy", "idle"]
