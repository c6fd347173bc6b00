"""A simple client as a user would write it: only `requests` and `websocket-client`."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import requests
import websocket

Message = dict[str, Any]


class Client:
    """One kernel, from `POST /kernel` to the end of its WebSocket."""

    def __init__(self, url: str, *, timeout: str = "0", kernel_id: str = "") -> None:
        self.url = url
        if not kernel_id:
            with requests.post(f"{url}/kernel", data={"timeout": timeout}, timeout=60) as answer:
                assert answer.status_code == 200, answer.text
                kernel_id = answer.json()["id"]
                assert answer.headers["Jupyter-Kernel-ID"] == kernel_id
        self.kernel_id = kernel_id
        self.socket = websocket.create_connection(
            f"{url.replace('http', 'ws', 1)}/kernel/{kernel_id}/channels",
            timeout=60,
            enable_multithread=False,
            # In Python it takes 8 s for 50 MB; decoding is as strict and takes no time.
            skip_utf8_validation=True,
        )
        self._connection = self.socket.sock

    def send(
        self,
        msg_type: str,
        content: Message,
        channel: str = "shell",
        metadata: Mapping[str, Any] | None = None,
    ) -> str:
        """Send a request; returns its id."""
        msg_id = uuid.uuid4().hex
        header = {"msg_id": msg_id, "msg_type": msg_type, "username": "", "session": "script"}
        message = {
            "header": header,
            "parent_header": {},
            "metadata": dict(metadata or {}),
            "content": content,
            "channel": channel,
        }
        self.socket.send(json.dumps(message))
        return msg_id

    def execute(self, code: str) -> str:
        """Send code to be run; returns the request's id."""
        return self.send("execute_request", {"code": code, "allow_stdin": False})

    def receive(self) -> Message:
        """The next message."""
        message: Message = json.loads(self.socket.recv())
        return message

    def receive_all(self) -> Iterator[Message]:
        """Every message until the server closes."""
        while True:
            data = self.socket.recv()
            if not data:
                return
            yield json.loads(data)

    def until(self, wanted: Callable[[Message], bool]) -> list[Message]:
        """The messages up to and including the first that is wanted."""
        messages = [self.receive()]
        while not wanted(messages[-1]):
            messages.append(self.receive())
        return messages

    def run(self, code: str) -> list[Message]:
        """Run code; returns all its messages, status idle last."""
        msg_id = self.execute(code)
        said = self.until(lambda message: ends(message, msg_id))
        return [message for message in said if message["parent_header"].get("msg_id") == msg_id]

    def close(self) -> None:
        """Close the WebSocket and its connection. The library drops that if the server closed."""
        self.socket.close()
        self._connection.close()

    def drop(self) -> None:
        """Cut the connection without a close frame."""
        self._connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def file(self, name: str) -> requests.Response:
        """Fetch a file that the kernel made."""
        return requests.get(f"{self.url}/kernel/{self.kernel_id}/files/{name}", timeout=60)


def ends(message: Message, msg_id: str) -> bool:
    """Whether this is the idle status that ends a request."""
    return bool(
        message["msg_type"] == "status"
        and message["content"]["execution_state"] == "idle"
        and message["parent_header"].get("msg_id") == msg_id
    )


def text(messages: list[Message], name: str = "stdout") -> str:
    """The text of one stream."""
    return "".join(
        message["content"]["text"]
        for message in messages
        if message["msg_type"] == "stream" and message["content"]["name"] == name
    )


def reply(messages: list[Message]) -> Message:
    """The content of the one execute_reply."""
    (only,) = [m["content"] for m in messages if m["msg_type"] == "execute_reply"]
    return dict(only)


class Poller:
    """A session without a WebSocket, each of whose requests has a connection of its own."""

    def __init__(self, url: str) -> None:
        answer = requests.post(f"{url}/kernel", {"timeout": "600"}, timeout=60)
        assert answer.status_code == 200, answer.text
        self.kernel_id = answer.json()["id"]
        self.url = f"{url}/kernel/{self.kernel_id}"
        self.after = 0
        self.number = 0

    def work(self) -> None:
        """Run a cell that continues the earlier ones, to its end."""
        self.number += 1
        code = "try: n += 1\nexcept NameError: n = 1\nprint(n)"
        message: Message = {
            "header": {"msg_id": f"m{self.number}", "msg_type": "execute_request", "session": "s"},
            "content": {"code": code, "allow_stdin": False},
            "channel": "shell",
        }
        sent = requests.post(f"{self.url}/messages", json=[message], timeout=60)
        assert sent.status_code in (200, 204), sent.text
        told: list[Message] = []
        while not any(each["content"].get("execution_state") == "idle" for each in told):
            answer = requests.get(f"{self.url}/messages?after={self.after}&wait=20", timeout=60)
            assert answer.status_code in (200, 204), answer.text
            if answer.status_code == 200:
                told += answer.json()["messages"]
                self.after = answer.json()["after"]
        assert text(told) == f"{self.number}\n"

    def end(self) -> str:
        """Stop the kernel, and read the rest; returns the reason of its end."""
        requests.delete(self.url, timeout=60)
        told: list[Message] = []
        while not any(each["content"].get("execution_state") == "dead" for each in told):
            answer = requests.get(f"{self.url}/messages?after={self.after}&wait=20", timeout=60)
            assert answer.status_code in (200, 204), answer.text
            if answer.status_code == 200:
                told, self.after = answer.json()["messages"], answer.json()["after"]
        return str(told[-1]["content"]["reason"])
