"""Existing clients, imitated, with only the host's name changed."""

from __future__ import annotations

import json
import subprocess
import uuid

import pytest
import requests
import websocket

pytestmark = pytest.mark.integration

WEBWORK = """
import json
WEBWORK = {"answer": [6 * 7, "x"]}
"""


def curl(*arguments: str) -> str:
    return subprocess.run(
        ["curl", "-sS", "--max-time", "60", *arguments], check=True, capture_output=True, text=True
    ).stdout


def test_a_homework_server_asks_with_curl_and_reads_the_header_block(server, tmp_path):
    """contract: 11.2, 1.20"""
    program = tmp_path / "program.sage"
    program.write_text(WEBWORK)
    printed = curl(
        *("-i", "-k", "-L"),
        *("--data-urlencode", "accepted_tos=true"),
        *("--data-urlencode", 'user_expressions={"WEBWORK": "json.dumps(WEBWORK)"}'),
        *("--data-urlencode", f"code@{program}"),
        f"{server.url}/service",
    )
    head, _, body = printed.replace("\r\n", "\n").partition("\n\n")
    assert head.startswith("HTTP/1.1 200 ")
    answer = json.loads(body)
    assert answer["success"] is True
    assert answer["execute_reply"]["status"] == "ok"
    value = answer["execute_reply"]["user_expressions"]["WEBWORK"]
    assert value["status"] == "ok"
    # IPython shows a string with its quotes.
    assert json.loads(value["data"]["text/plain"].strip("'")) == {"answer": [42, "x"]}


def test_a_script_starts_a_kernel_and_talks_over_the_url_it_was_told(server):
    """contract: 11.5, 1.6, 2.1, 2.2, 2.3, 2.9, 10"""
    answer = requests.post(
        f"{server.url}/kernel",
        data={"accepted_tos": "true"},
        headers={"Accept": "application/json"},
        timeout=60,
    )
    assert answer.status_code == 200
    told = answer.json()
    socket = websocket.create_connection(
        f"{told['ws_url']}kernel/{told['id']}/channels",
        header={"Jupyter-Kernel-ID": told["id"]},
        timeout=60,
    )
    msg_id = str(uuid.uuid4())
    socket.send(
        json.dumps(
            {
                "header": {
                    "username": "",
                    "session": told["id"],
                    "msg_id": msg_id,
                    "msg_type": "execute_request",
                },
                "parent_header": {},
                "metadata": {},
                "channel": "shell",
                "content": {
                    "code": "print(6 * 7)",
                    "silent": False,
                    "user_expressions": {"_sagecell_files": "1"},
                    "allow_stdin": False,
                },
            }
        )
    )
    said, replied, idle = "", False, False
    while not (replied and idle):
        message = json.loads(socket.recv())
        if message["parent_header"].get("msg_id") != msg_id:
            continue
        if message["msg_type"] == "stream":
            said += message["content"]["text"]
        replied = replied or message["msg_type"] == "execute_reply"
        idle = idle or message["content"].get("execution_state") == "idle"
    socket.close()
    assert said == "42\n"


def test_scripts_send_what_they_like_beside_the_code(server):
    """contract: 11.6, 1.20"""
    url = f"{server.url}/service"
    extra = {"code": "x = 1", "language": "sage", "timeout": "5"}
    answer = requests.post(url, data=extra, timeout=60).json()
    assert answer["success"] is True
    assert answer.get("stdout", "") == ""
    assert "stdout" not in answer
    # SageMathCell reads a JSON body as no code.
    as_json = requests.post(url, json={"code": "print(1)"}, timeout=60).json()
    assert as_json["success"] is True
    assert as_json["stdout"] == "1\n"


def test_an_agent_gives_its_kernel_back_and_may_do_so_twice(server):
    """contract: 11.7, 1.10, T12"""
    query = {"CellSessionID": str(uuid.uuid4()), "timeout": "0", "accepted_tos": "true"}
    answer = requests.post(f"{server.url}/kernel", params=query, timeout=60)
    kernel_id = answer.json()["id"]
    for _ in range(2):
        ended = requests.delete(f"{server.url}/kernel/{kernel_id}", timeout=60)
        assert (ended.status_code, ended.content) == (200, b"")
    server.until_quiet()
