"""Requests of old editors over SockJS, to the shared completer and to a cell's kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import websocket

from tests.integration.servers import Server
from tests.integration.sockjstalk import start_kernel

pytestmark = pytest.mark.integration

#: Seconds that the idle completer is kept.
IDLE = 3.0

COMPLETION = ("complete_request", {"text": "pri", "line": "x = pri", "cursor_pos": 7})
EXPLANATION = ("object_info_request", {"oname": "sorted", "detail_level": 0})


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that soon ends an idle completer."""
    with Server(limits={"lifetime.completer_idle_seconds": IDLE}) as forgetful:
        yield forgetful


class Editor:
    """Exchanges messages with the address `to` over a WebSocket with SockJS frames."""

    def __init__(self, url: str, to: str) -> None:
        path = f"{url.replace('http', 'ws', 1)}/sockjs/000/editor/websocket"
        self.socket = websocket.create_connection(path, timeout=60)
        self.to = to
        assert self.socket.recv() == "o"

    def ask(self, msg_type: str, content: dict[str, Any], mode: str = "") -> dict[str, Any]:
        """The reply to a request in an old shape: a minimal header without a version."""
        header = {"msg_id": f"e-{msg_type}", "session": "e", "msg_type": msg_type}
        asked = {**content, **({"mode": mode} if mode else {})}
        message = json.dumps({"header": header, "content": asked, "channel": "shell"})
        self.socket.send(json.dumps([f"{self.to},{message}"]))
        while True:
            frame = str(self.socket.recv())
            for told in json.loads(frame[1:]) if frame.startswith("a") else []:
                address, _, text = told.partition(",")
                reply: dict[str, Any] = json.loads(text)
                if reply["msg_type"].endswith("_reply"):
                    assert address == self.to
                    assert reply["parent_header"]["msg_id"] == header["msg_id"]
                    assert reply["channel"] == "shell"
                    return reply

    def close(self) -> None:
        self.socket.close()


def check(editor: Editor, mode: str = "") -> None:
    """Check completion and inspection in the shapes that old editors read."""
    completed = editor.ask(*COMPLETION, mode)
    assert completed["msg_type"] == "complete_reply"
    content = completed["content"]
    assert "print" in content["matches"]
    assert (content["cursor_start"], content["cursor_end"]) == (4, 7)
    assert content["matched_text"] == "pri"
    explained = editor.ask(*EXPLANATION, mode)
    assert explained["msg_type"] == "object_info_reply"
    content = explained["content"]
    assert (content["found"], content["oname"]) == (True, "sorted")
    assert "ascending order" in content["docstring"]


def test_a_cell_without_a_kernel_and_what_is_left_of_the_one_for_everybody(server: Server) -> None:
    """contract: 3.2, T1"""
    with closing(Editor(server.url, "complete")) as editor:
        check(editor, "sage")
        assert len(server.kernels()) == 1
        with closing(Editor(server.url, "complete")) as another:
            check(another, "python")
        assert len(server.kernels()) == 1
        other = editor.ask("complete_request", {"code": "tayl", "cursor_pos": 4}, "maxima")
        assert other["content"]["matches"] == ["taylor"]
        server.until_quiet()  # while the editor is still connected
        assert server.status()["kernels"]["ended"] == {"idle": 1}
        check(editor)  # by another one
    server.until_quiet()
    assert "Traceback" not in server.log()


def test_a_cell_with_a_kernel(server: Server) -> None:
    """contract: T1, 3.1"""
    kernel_id = start_kernel(server.url)
    with closing(Editor(server.url, f"{kernel_id}/channels")) as editor:
        check(editor)
        editor.ask("execute_request", {"code": "princely = 1"})
        assert "princely" in editor.ask(*COMPLETION)["content"]["matches"]
    server.until_quiet()


def test_what_would_take_for_ever_to_evaluate(server: Server) -> None:
    with closing(Editor(server.url, "complete")) as editor:
        for code in ("(9**9**9**9).", "(" * 60_000, "%" * 60_000, "x = 1\n" * 20_000 + "x.rea"):
            asked = {"code": code, "cursor_pos": len(code)}
            content = editor.ask("complete_request", asked)["content"]
            assert content["status"] == "ok"
        assert content["matches"] == [".real"]
        assert content["cursor_start"] == len(code) - len(".rea")
        check(editor)
    server.until_quiet()
    assert "replaced" not in server.log()
