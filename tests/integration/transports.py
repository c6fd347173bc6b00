"""The transports by which a script receives a kernel's messages, with connections that break."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from random import Random
from typing import Any

import requests
import websocket

Message = dict[str, Any]


class Way:
    """One client of a kernel. Each of `cuts` is the number of messages on one connection."""

    def __init__(self, url: str, kernel_id: str, cuts: list[int]) -> None:
        self.address = f"{url}/kernel/{kernel_id}"
        self.cuts = iter(cuts)
        self.after = 0
        self.session = requests.Session()

    def say(self, message: Message) -> None:
        """Send by a plain request, whose answer confirms the message."""
        answer = self.session.post(f"{self.address}/messages", json=message, timeout=60)
        assert answer.json()["accepted"] == [message["header"]["msg_id"]], answer.text

    def hear(self) -> Iterator[Message]:
        """Every message up to the end, over as many connections as necessary."""
        while True:
            left = next(self.cuts, -1)
            for message in self.connect():
                if left == 0:
                    break  # this message and those in transit are lost
                left -= 1
                assert message["seq"] == self.after + 1
                self.after = message["seq"]
                yield message
                if message["content"].get("execution_state") == "dead":
                    return

    def connect(self) -> Iterator[Message]:
        """The messages of one connection."""
        raise NotImplementedError

    def close(self) -> None:
        self.session.close()


class Socket(Way):
    """A WebSocket that is resumed with a cursor."""

    def connect(self) -> Iterator[Message]:
        address = f"{self.address.replace('http', 'ws', 1)}/channels?after={self.after}"
        socket = websocket.create_connection(address, timeout=60)
        connection = socket.sock
        try:
            while data := socket.recv():
                yield json.loads(data)
        finally:
            connection.close()  # without a close frame


class LegacySocket(Way):
    """A WebSocket without message numbers: messages after a cut are lost."""

    def __init__(self, url: str, kernel_id: str, cuts: list[int]) -> None:
        super().__init__(url, kernel_id, cuts)
        self.socket = websocket.create_connection(
            f"{self.address.replace('http', 'ws', 1)}/channels", timeout=60
        )
        self.connection = self.socket.sock  # the library drops it if the server closes first

    def say(self, message: Message) -> None:
        self.socket.send(json.dumps(message))

    def hear(self) -> Iterator[Message]:
        with closing(self.connection):
            while data := self.socket.recv():
                message = json.loads(data)
                assert "seq" not in message
                yield message


class Poll(Way):
    """A long poll. A cut one ends in the middle of its answer."""

    def hear(self) -> Iterator[Message]:
        random, whole = Random(7), True
        while True:
            query = f"{self.address}/messages?after={self.after}&wait=20"
            whole = not whole or next(self.cuts, None) is None
            if not whole:
                with requests.get(query, timeout=60, stream=True) as answer:
                    answer.raw.read(random.randrange(200))
                continue
            answer = self.session.get(query, timeout=60)
            if answer.status_code == 204:
                continue
            assert answer.status_code == 200, answer.text
            told = answer.json()
            for message in told["messages"]:
                assert message["seq"] == self.after + 1
                self.after = message["seq"]
                yield message
                if message["content"].get("execution_state") == "dead":
                    return
            assert told["after"] == self.after


class Lines(Way):
    """A stream of JSON lines."""

    def connect(self) -> Iterator[Message]:
        headers = {"Accept": "application/x-ndjson"}
        query = f"{self.address}/messages?after={self.after}"
        with requests.get(query, headers=headers, timeout=60, stream=True) as answer:
            for line in answer.iter_lines():
                if line:
                    yield json.loads(line)


class Events(Way):
    """Server-sent events, resumed as a browser does it: the same URL, and the last id."""

    def connect(self) -> Iterator[Message]:
        headers = {"Accept": "text/event-stream"}
        if self.after:
            headers["Last-Event-ID"] = str(self.after)
        query = f"{self.address}/messages?after=0"
        with requests.get(query, headers=headers, timeout=60, stream=True) as answer:
            ident = b""
            for line in answer.iter_lines():
                if line.startswith(b"id: "):
                    ident = line[4:]
                elif line.startswith(b"data: "):
                    message = json.loads(line[6:])
                    assert message["seq"] == int(ident)
                    yield message
