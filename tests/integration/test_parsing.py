"""Requests that once blocked a server for a minute are refused, and nothing is logged."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import requests

from tests.integration.servers import Server

pytestmark = pytest.mark.integration

MULTIPART = {"Content-Type": "multipart/form-data; boundary=B"}
URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}

PART = b'--B\r\nContent-Disposition: form-data; name="a"\r\n'

#: The requests of the attack in issue 8, and their answers.
ATTACKS: dict[str, tuple[dict[str, str], bytes, int]] = {
    "a header": (
        MULTIPART,
        b'--B\r\nContent-Disposition: form-data; ;a="' + b';a="' * 900_000 + b"\r\n\r\n1\r\n--B--",
        413,
    ),
    "nested parts": (
        MULTIPART,
        b"--B\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n" * 200 + b"--\r\n" * 300_000,
        400,
    ),
    "mails": (MULTIPART, b"--B\r\nContent-Type: message/rfc822\r\n\r\n" * 5000, 400),
    "parts": (MULTIPART, (PART + b"\r\n1\r\n") * 80_000 + b"--B--", 413),
    "separators": (URLENCODED, b"&" * 4_000_000, 413),
    "fields": (URLENCODED, b"a=&" * 1_390_000, 413),
}


def raw(server: Server, data: bytes) -> bytes:
    """The server's answer to these bytes, until it closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), 60) as connection:
        connection.sendall(data)
        heard = b""
        while more := connection.recv(65536):
            heard += more
    return heard


def message(msg_id: str, code: str, **more: Any) -> dict[str, Any]:
    header = {"msg_id": msg_id, "msg_type": "execute_request"}
    return {"header": header, "content": {"code": code, "silent": False}, **more}


def test_a_server_goes_on() -> None:
    with Server() as server:
        for name, (headers, body, status) in ATTACKS.items():
            answer = requests.post(f"{server.url}/service", body, headers=headers, timeout=60)
            assert answer.status_code == status, (name, answer.text)
        for lines in (
            b"Content-Length: " + b"9" * 5000,
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        ):
            heard = raw(server, b"POST /service HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n\r\n")
            assert heard.startswith(b"HTTP/1.1 400 "), heard
        heard = raw(server, b"GET /?c=" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert heard.startswith(b"HTTP/1.1 414 "), heard

        # Long valid ones are parsed in a thread, and stay in order.
        code = "#" * 60_000 + "\nprint(1+1)"
        form = {"code": code, "x": "€" * 100_000}
        assert requests.post(f"{server.url}/service", form, timeout=60).json()["stdout"] == "2\n"
        kernel = requests.post(f"{server.url}/kernel", {"timeout": "60"}, timeout=60).json()["id"]
        said = [
            message("a", "x = 1", metadata={"padding": "[]," * 300_000}),
            message("b", "print(x)"),
        ]
        url = f"{server.url}/kernel/{kernel}/messages"
        assert requests.post(url, json=said, timeout=60).json()["accepted"] == ["a", "b"]
        too_much = b"[" + b"[]," * 1_390_000 + b"[]]"
        assert requests.post(url, too_much, timeout=60).json()["error"] == "invalid_json"
        after, text = 0, ""
        while "1" not in text:
            told = requests.get(url, {"after": str(after)}, timeout=60).json()
            after = told["after"]
            text += "".join(
                each["content"]["text"] for each in told["messages"] if each["msg_type"] == "stream"
            )
        assert text == "1\n"
        assert "Traceback" not in server.log()
        assert server.stop() == 0
