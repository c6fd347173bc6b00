"""A page's SockJS connection, without a client's library."""

from __future__ import annotations

import json
from typing import Any

import requests

from tests.integration.script import text

#: A page, as SageMathCell's script names it.
PAGE = "CellSessionID=5d1a7c1e-2f0b-4b57-a6f1-6a2f7e5f2f3d"


class Polling:
    """A page's SockJS connection over single requests, each of which has a connection of its own."""

    def __init__(self, proxy: str, name: str, page: str = PAGE) -> None:
        self.url, self.page = f"{proxy}/sockjs/000/{name}", page
        assert self.post("xhr") == "o\n"

    def post(self, transport: str, body: object = None) -> str:
        data = b"" if body is None else json.dumps(body).encode()
        answer = requests.post(f"{self.url}/{transport}?{self.page}", data, timeout=60)
        assert answer.status_code in (200, 204), (answer.status_code, answer.text)
        return answer.text

    def leave(self) -> None:
        """Read the rest, until the server closes the connection or has ended."""
        while requests.post(f"{self.url}/xhr?{self.page}", timeout=60).text[:1] in ("a", "h"):
            pass

    def run(self, kernel_id: str, code: str, msg_id: str) -> str:
        """What a program prints."""
        message = {
            "header": {"msg_id": msg_id, "msg_type": "execute_request", "session": "s"},
            "parent_header": {},
            "metadata": {},
            "content": {"code": code, "silent": False, "allow_stdin": False},
            "channel": "shell",
        }
        self.post("xhr_send", [f"{kernel_id}/channels,{json.dumps(message)}"])
        told: list[dict[str, Any]] = []
        while not any(each["content"].get("execution_state") == "idle" for each in told):
            frame = self.post("xhr")
            if frame.startswith("a"):
                told += [json.loads(each.partition(",")[2]) for each in json.loads(frame[1:])]
        return text(told)
