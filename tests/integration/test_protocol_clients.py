"""The clients with which docs/protocol.rst begins, run as they stand there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.integration.servers import Server

pytestmark = pytest.mark.integration

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.rst"


def client(language: str) -> str:
    """The first block in that language."""
    pattern = rf"^\.\. code-block:: {language}\n\n((?:    .*\n|\n)+)"
    block = re.search(pattern, PROTOCOL.read_text(encoding="utf-8"), re.MULTILINE)
    assert block is not None
    return textwrap.dedent(block[1])


def printed_by(command: list[str], language: str, server: Server, code: str = "") -> str:
    """What a client prints, at this server, and perhaps with another program."""
    program = client(language)
    assert "http://localhost:8888/" in program
    program = program.replace("http://localhost:8888", server.url)
    if code:
        assert "print(6*7)" in program
        program = program.replace("print(6*7)", code)
    ran = subprocess.run(
        command, input=program, check=True, capture_output=True, text=True, timeout=120
    )
    return ran.stdout


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_they_are_short(language: str) -> None:
    assert len(client(language).strip().splitlines()) <= 20


def test_curl(server: Server) -> None:
    printed = printed_by(["sh"], "sh", server)
    assert '"stdout":"42\\n"' in printed
    assert '"stdout":"3\\n"' in printed_by(["sh"], "sh", server, "print(1+2); a = 3 & 1 % 2")


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_over_a_websocket(server: Server, language: str) -> None:
    if language == "python":
        command = [sys.executable]
    else:
        node = shutil.which("node")
        if node is None:
            pytest.skip("node is not installed")
        # Node 20 has WebSockets only if asked.
        command = [node, "--experimental-websocket", "--input-type=module"]
    assert printed_by(command, language, server).strip() == "42"
    failed = printed_by(command, language, server, "1/0")
    assert "ZeroDivisionError" in failed
    assert printed_by(command, language, server, "import os; os.abort()") == ""
