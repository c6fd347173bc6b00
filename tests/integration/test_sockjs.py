"""The real sockjs-client in Node by each of its transports, and mistakes of clients."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from contextlib import closing

import pytest
import requests
import websocket

from tests.integration.servers import Server, logged
from tests.integration.sockjstalk import PROGRAMS, SCRIPT, WEB, expected, start_kernel
from tests.integration.waiting import until

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("transport", ["websocket", "xhr-streaming", "eventsource", "xhr-polling"])
def test_the_same_conversation_by_each_transport(server: Server, transport: str) -> None:
    """contract: 1.21, 3.1, 3.3, 3.4"""
    node = shutil.which("node")
    assert node is not None, "sockjs-client needs Node, which is not installed"
    kernel_id = start_kernel(server.url)
    arguments = [str(WEB), server.url, kernel_id, transport, json.dumps(PROGRAMS)]
    talk = subprocess.run(
        [node, str(SCRIPT), *arguments], capture_output=True, timeout=120, check=False
    )
    assert talk.returncode == 0, talk.stderr.decode()
    assert json.loads(talk.stdout) == expected(transport)
    # Its kernel ends with it.
    server.until_quiet()


def test_words_to_a_dead_kernel_and_to_none_go_nowhere(server: Server) -> None:
    """contract: 3.3, T12"""
    dead, alive = start_kernel(server.url), start_kernel(server.url)
    requests.delete(f"{server.url}/kernel/{dead}", timeout=60)
    until(lambda: f"{logged(dead)}: stopped" in server.log())  # before that, it may still answer
    address = f"{server.url.replace('http', 'ws', 1)}/sockjs/websocket"
    with closing(websocket.create_connection(address, timeout=60)) as socket:
        header = {"msg_id": "r", "msg_type": "execute_request"}
        message = json.dumps({"header": header, "content": {"code": "1"}, "channel": "shell"})
        for kernel_id in (dead, str(uuid.uuid4()), "complete?", alive):
            socket.send(f"{kernel_id}/channels,{message}")
        heard = ""
        while '"idle"' not in heard:
            heard = str(socket.recv())
            assert heard.startswith(f"{alive}/channels,")
    server.until_quiet()


def test_a_callback_is_a_name(server: Server) -> None:
    """contract: T7"""
    for transport in ("jsonp", "htmlfile"):
        path = f"{server.url}/sockjs/0/{uuid.uuid4()}/{transport}"
        answer = requests.get(path, params={"c": "alert(1)//"}, timeout=60)
        assert (answer.status_code, answer.text) == (500, 'invalid "callback" parameter')
        assert answer.headers["Content-Type"] == "text/plain; charset=UTF-8"
