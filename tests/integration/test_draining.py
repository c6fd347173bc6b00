"""A server that is being stopped informs its clients on every transport."""

from __future__ import annotations

import signal
from typing import Any

import pytest
import requests

from tests.integration.script import Client
from tests.integration.servers import Server

pytestmark = pytest.mark.integration


def poll(server: Server, kernel_id: str, after: int) -> Any:
    """Poll once on a new connection, without waiting."""
    url = f"{server.url}/kernel/{kernel_id}/messages?after={after}&wait=0"
    answer = requests.get(url, timeout=60, headers={"Connection": "close"})
    assert answer.status_code in (200, 204)
    return answer.json() if answer.status_code == 200 else {"messages": [], "after": after}


def test_who_polls_hears_draining_before_the_port_closes() -> None:
    with Server() as server:
        kernel_id = requests.post(f"{server.url}/kernel", {"timeout": "600"}).json()["id"]
        assert poll(server, kernel_id, 0)["messages"] == []
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        after, heard = 0, list[Any]()
        while not heard or heard[-1]["content"].get("execution_state") != "dead":
            told = poll(server, kernel_id, after)
            heard, after = [*heard, *told["messages"]], told["after"]
        assert heard[-1]["content"]["reason"] == "draining"
        assert server.process.wait(timeout=60) == 0
        assert "Traceback" not in server.log()


def test_a_socket_hears_it_and_is_closed_in_order() -> None:
    with Server() as server, Client(server.url, timeout="600") as client:
        client.run("1")
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        said = list(client.receive_all())
        assert said[-1]["content"]["reason"] == "draining"
        assert server.process.wait(timeout=60) == 0
