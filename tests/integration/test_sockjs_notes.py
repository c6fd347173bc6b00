"""A note-taking program, which strips 46 characters of each message and uses one kernel."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import requests

from tests.integration.servers import Server
from tests.integration.sockjstalk import WEB

pytestmark = pytest.mark.integration

SCRIPT = Path(__file__).with_name("sockjs_notes.cjs")

PICTURE = b"\x89PNG\r\n\x1a\n and so on"

BLOCKS = [
    "number = 6",
    "print(number * 7)",
    "from IPython.display import HTML\ndisplay(HTML('<b>bold</b>'))",
    f"open('octave.png', 'wb').write({PICTURE!r})\nNone",
    "number / 0",
    "print(number)",
]


def joined(printed: list[list[str]]) -> str:
    """The text of outputs that must all be text, in one or several pieces."""
    assert {kind for kind, _ in printed} == {"text"}
    return "".join(words for _, words in printed)


def test_notes_are_run_one_after_another_by_one_kernel(server: Server) -> None:
    """contract: 11.4, 3.1, 1.6, 4.10"""
    node = shutil.which("node")
    assert node is not None, "sockjs-client needs Node, which is not installed"
    program = subprocess.run(
        [node, str(SCRIPT), str(WEB), server.url, json.dumps(BLOCKS)],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert program.returncode == 0, program.stderr.decode()
    nothing, printed, html, pictures, error, goes_on = json.loads(program.stdout)
    assert nothing == []
    assert joined(printed) == "42\n"
    assert html == [["html", "<b>bold</b>"]]
    assert error == [["error", "ZeroDivisionError: division by zero"]]
    assert joined(goes_on) == "6\n"
    ((kind, address),) = pictures
    assert kind == "picture"
    server.until_quiet()  # the picture outlives its kernel
    assert requests.get(address, timeout=60).content == PICTURE
