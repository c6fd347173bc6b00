"""A client requests the files of its program as SageMathCell's page does."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
import websocket

pytestmark = pytest.mark.integration


def test_files_are_asked_for_beside_the_program(server):
    """contract: 4.20, 4.19, 2.4"""
    told = requests.post(f"{server.url}/kernel", timeout=60).json()
    socket = websocket.create_connection(
        f"{told['ws_url']}kernel/{told['id']}/channels", timeout=60
    )
    content = {
        "code": "open('made.txt', 'w').write('seven')",
        "user_expressions": {"_sagecell_files": "sys._sage_.new_files()"},
    }
    header = {"msg_id": "r1", "msg_type": "execute_request", "session": "s", "username": ""}
    socket.send(json.dumps({"header": header, "content": content, "channel": "shell"}))
    reply: dict[str, Any] = {}
    while reply.get("msg_type") != "execute_reply":
        reply = json.loads(socket.recv())
    socket.close()
    assert reply["content"]["user_expressions"]["_sagecell_files"]["status"] == "ok"
    assert [part.get("new_files") for part in reply["content"]["payload"]] == [["made.txt"]]
    made = requests.get(f"{server.url}/kernel/{told['id']}/files/made.txt?q=1", timeout=60)
    assert (made.status_code, made.text) == (200, "seven")
    server.until_quiet()
