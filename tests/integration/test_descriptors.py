"""How many descriptors the web process needs for each kernel, and what happens when they run out."""

from __future__ import annotations

import contextlib
import os
from functools import partial

import pytest
import requests
import websocket

from tests.integration.script import Client, ends, text
from tests.integration.servers import Server
from tests.integration.waiting import until

pytestmark = pytest.mark.integration

#: Of a kernel with a client: four for each of shell, iopub and stdin, and one for the WebSocket.
EACH = 13

#: For control, once it is needed.
CONTROL = 4


def count(server: Server) -> int:
    """The open descriptors of the web process."""
    assert server.process is not None
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def test_a_kernel_needs_those_of_three_channels_until_it_is_interrupted():
    # A heartbeat needs another connection.
    limits = {"lifetime.heartbeat_seconds": 1000}
    with Server(limits=limits) as server, contextlib.ExitStack() as stack:

        def come() -> Client:
            client = stack.enter_context(Client(server.url, timeout="600"))
            assert text(client.run("print(6 * 7)")) == "42\n"
            return client

        come()  # what the first one opens is not of each
        alone = count(server)
        clients = [come() for _ in range(5)]
        until(lambda: count(server) == alone + 5 * EACH)
        for client in clients:
            cell = client.execute("print('begun')\nwhile True: pass")
            client.until(lambda message: message["msg_type"] == "stream")
            client.send("interrupt_request", {}, "control")
            said = client.until(partial(ends, msg_id=cell))
            assert "KeyboardInterrupt" in {m["content"].get("ename") for m in said}
        until(lambda: count(server) == alone + 5 * (EACH + CONTROL))
        stack.close()
        until(lambda: count(server) < alone)


def test_who_comes_too_late_is_told_so_and_who_was_there_goes_on():
    """Also who comes for a WebSocket. The kernels of this server have most of its descriptors."""
    with Server(descriptors=230) as server, contextlib.ExitStack() as stack:
        clients: list[Client] = []

        def come() -> bool:
            """Whether there was room for one more kernel with a client."""
            try:
                clients.append(stack.enter_context(Client(server.url, timeout="600")))
            except (AssertionError, websocket.WebSocketBadStatusException):
                return False
            assert text(clients[-1].run("print(6 * 7)")) == "42\n"
            return True

        assert "the limits allow 96 kernels, and the file descriptors" in server.log()
        while come():
            assert len(clients) < 230 / EACH
        for _ in range(100):
            refused = requests.post(f"{server.url}/kernel", timeout=60)
            assert (refused.status_code, refused.json()["error"]) == (503, "too_many_descriptors")
            assert int(refused.headers["Retry-After"]) > 0
        with pytest.raises(websocket.WebSocketBadStatusException) as told:
            Client(server.url, kernel_id=clients[0].kernel_id)
        assert told.value.status_code == 503
        for client in clients:
            assert text(client.run("print(6 * 7)")) == "42\n"
        for _ in range(2):  # with one more, it would be as many as before
            clients.pop().close()
        until(lambda: server.log().count("new connections are accepted again") == 1)
        assert come()
        assert server.log().count("new connections are refused for now") == 1
