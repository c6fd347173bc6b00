"""A close by the server is a clean end for the browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.reader import Reader

pytestmark = pytest.mark.browser

_TALK = """
const [said, done] = arguments;
const close = (event) => done([event.wasClean, event.code, JSON.parse(event.reason).error]);
fetch("/kernel", {method: "POST", body: new URLSearchParams({timeout: "0"})})
  .then((answer) => answer.json())
  .then(({id}) => {
    const socket = new WebSocket(`ws://${location.host}/kernel/${id}/channels`);
    socket.onclose = close;
    socket.onopen = () => socket.send(said === null ? new Uint8Array(3) : said);
  });
"""

_PROGRAM = (
    '{"header": {"msg_id": "1", "msg_type": "execute_request"}, "channel": "shell",'
    ' "content": {"code": "1", "silent": false}}'
)


@pytest.mark.parametrize(
    ("said", "code", "word"),
    [
        (_PROGRAM, 1000, "finished"),
        ("{", 1007, "invalid_json"),
        ("[1]", 1008, "invalid_message"),
        (None, 1003, "binary_message"),
    ],
)
def test_a_close_by_the_server(reader: Reader, said: str | None, code: int, word: str) -> None:
    closed: list[Any] = reader.browser.execute_async_script(_TALK, said)
    assert closed == [True, code, word]
