"""The real sockjs-client in Node, by each transport that it has there."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from tests.integration.servers import Server
from tests.integration.sockjstalk import PROGRAMS, SCRIPT, WEB, expected, start_kernel

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("transport", ["websocket", "xhr-streaming", "eventsource", "xhr-polling"])
def test_the_same_conversation_by_each_transport(server: Server, transport: str) -> None:
    """contract: 1.21, 3.1, 3.3, 3.4"""
    node = shutil.which("node")
    assert node is not None, "sockjs-client needs Node, which is not installed"
    kernel_id = start_kernel(server.url)
    arguments = [str(WEB), server.url, kernel_id, transport, json.dumps(PROGRAMS)]
    talk = subprocess.run(
        [node, str(SCRIPT), *arguments], capture_output=True, timeout=120, check=False
    )
    assert talk.returncode == 0, talk.stderr.decode()
    assert json.loads(talk.stdout) == expected(transport)
    # Its kernel ends with it.
    server.until_quiet()
