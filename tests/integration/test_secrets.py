"""What a program can find of other visitors' kernels: not their ids, nor their directories.

A kernel's id is all that a client needs to take part in its session.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

import pytest
import requests

from tests.integration.script import Client, text
from tests.integration.servers import Server
from tests.integration.waiting import until
from tests.kernelside.sandbox import searching

pytestmark = pytest.mark.integration

#: The log has the beginnings of ids, which are unlikely to be found anywhere by chance.
_ID = re.compile(r"\b([0-9a-f]{8})-\.\.\.")

COMPLETION = {
    "header": {"msg_id": "c", "msg_type": "complete_request"},
    "content": {"code": "pri", "cursor_pos": 3},
}


def in_a_kernel(server: Server, code: str) -> str:
    with Client(server.url) as client:
        return text(client.run(code))


def in_service(server: Server, code: str) -> str:
    answer = requests.post(f"{server.url}/service", data={"code": code}, timeout=60).json()
    return str(answer["stdout"])


@pytest.mark.parametrize("ready", [0, 2])
@pytest.mark.parametrize("run", [in_a_kernel, in_service])
def test_a_program_finds_nothing_of_other_sessions(ready: int, run: Callable[..., str]) -> None:
    with (
        Server(ready=ready, limits={"lifetime.completer_idle_seconds": 0.2}) as server,
        Client(server.url, timeout="600") as victim,
    ):
        victim.run("secret = 'hers'")
        in_service(server, "print('his')")
        answer = requests.post(f"{server.url}/complete", json=COMPLETION, timeout=60)
        assert "print" in answer.json()["content"]["matches"]
        # The log names the sessions of /service and of the completer, at their end at the latest.
        until(lambda: len(_ids(server, victim)) == 3)
        until(lambda: server.status()["kernels"]["ready"] == ready)
        ids = _ids(server, victim)
        # A kernel's own directory is found, so the search works.
        where = [directory.name for directory in server.directories()]
        found = ast.literal_eval(run(server, searching.printing([*ids, *where])))
        number = len(ids)
        assert [index for index in found["memory"] + found["proc"] if index < number] == []
        assert len(set(found["memory"])) == min(ready, 1)
        assert set(found["proc"]) <= set(found["memory"])


def _ids(server: Server, victim: Client) -> list[str]:
    """The beginnings of the ids of all sessions so far."""
    return sorted({victim.kernel_id[:8], *_ID.findall(server.log())})
