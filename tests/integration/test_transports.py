"""The same conversation over every transport, whole and cut off at ten places, is the same."""

from __future__ import annotations

from contextlib import closing
from functools import cache
from random import Random
from typing import Any

import pytest
import requests

from tests.integration.script import Client
from tests.integration.test_script import PLOT
from tests.integration.transports import Events, LegacySocket, Lines, Message, Poll, Socket, Way

pytestmark = pytest.mark.integration

#: Text, values, a plot, a file, an error, and a loop that is interrupted.
PROGRAMS = [
    "import sys\nfor n in range(30):\n    print(n)\n    display(n)",
    f"{PLOT}\nNone",  # the value contains a memory address
    "open('a.txt', 'w').write('file')",
    "1/0",
    "for n in range(30):\n    display(n)\nprint('in\\n', end='', flush=True)\nwhile True: pass",
]


def say(msg_type: str, msg_id: str, channel: str = "shell", **content: Any) -> Message:
    return {
        "header": {"msg_id": msg_id, "msg_type": msg_type},
        "content": content,
        "channel": channel,
    }


def converse(way: Way, url: str, kernel_id: str) -> list[tuple[str, ...]]:
    """Run the programs in turn, interrupt the last and end the kernel; returns the messages."""
    heard: list[Message] = []
    programs = iter(enumerate(PROGRAMS))

    def run_next() -> None:
        number, code = next(programs, (-1, ""))
        if code:
            way.say(say("execute_request", f"r{number}", code=code))
        else:
            requests.delete(f"{url}/kernel/{kernel_id}", timeout=60)

    run_next()
    for message in way.hear():
        heard.append(message)
        content = message["content"]
        if message["msg_type"] == "stream" and "in" in content["text"]:
            way.say(say("interrupt_request", "stop", "control"))
        if content.get("execution_state") == "idle" and parent_of(message) != "stop":
            run_next()
    return told(heard)


def told(messages: list[Message]) -> list[tuple[str, ...]]:
    """The content of the messages, with consecutive pieces of text joined."""
    found: list[tuple[str, ...]] = []
    for message in messages:
        kind, content = message["msg_type"], message["content"]
        parent = parent_of(message)
        if parent == "stop":
            continue  # the kernel replies in another thread, so its position varies
        if kind == "stream":
            key, text = (kind, parent, content["name"]), content["text"]
            if found and found[-1][:3] == key:
                text = found.pop()[3] + text
            found.append((*key, text))
        elif kind in ("display_data", "execute_result"):
            found.append((kind, parent, content["data"]["text/plain"]))
        else:
            shown = [content.get(key) for key in ("execution_state", "reason", "ename", "status")]
            files = [item.get("new_files") for item in content.get("payload", [])]
            found.append((kind, parent, str(shown), str(files)))
    return found


def parent_of(message: Message) -> str:
    return str(message["parent_header"].get("msg_id", ""))


def start(url: str) -> str:
    answer = requests.post(f"{url}/kernel", data={"timeout": "600"}, timeout=60)
    kernel_id: str = answer.json()["id"]
    return kernel_id


@cache
def expected(url: str) -> list[tuple[str, ...]]:
    """The messages on a WebSocket without a cursor."""
    kernel_id = start(url)
    with closing(LegacySocket(url, kernel_id, [])) as way:
        return converse(way, url, kernel_id)


CUTS = sorted(Random(4).choices(range(14), k=10))


@pytest.mark.parametrize(
    ("way", "cuts"),
    [
        (Socket, []),
        (Socket, CUTS),
        (Poll, []),
        (Poll, CUTS),
        (Lines, []),
        (Lines, CUTS),
        (Events, []),
        (Events, CUTS),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "cut" if value else "whole",
)
def test_the_same_conversation(server, way, cuts):
    kernel_id = start(server.url)
    with closing(way(server.url, kernel_id, cuts)) as client:
        heard = converse(client, server.url, kernel_id)
        assert next(client.cuts, None) is None, "it was cut as often as it should be"
    assert heard == expected(server.url)


def test_the_conversation_is_what_it_should_be(server):
    heard = expected(server.url)
    kinds = [kind for kind, *_ in heard]
    assert kinds.count("display_data") == 61
    assert [each[2] for each in heard if each[0] == "error"] == [
        "[None, None, 'ZeroDivisionError', None]",
        "[None, None, 'KeyboardInterrupt', None]",
    ]
    assert "[['a.txt']]" in [each[-1] for each in heard]
    assert heard[-1][:3] == ("status", "", "['dead', 'stopped', None, None]")


@pytest.mark.parametrize("after", range(10))
def test_a_legacy_socket_that_is_cut_off_takes_its_kernel_along(server, after):
    """contract: 2.8"""
    client = Client(server.url, timeout="600")
    client.execute(PROGRAMS[0])
    for _ in range(after):
        client.receive()
    client.drop()
    server.until_quiet()
    left = requests.get(f"{server.url}/kernel/{client.kernel_id}/messages", timeout=60)
    assert (left.status_code, left.json()["error"]) == (404, "unknown_kernel")
