"""The real sockjs-client, cut off at ten places by each transport that it has in Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.integration.servers import Server
from tests.integration.sockjscuts import (
    CUTS,
    PROGRAMS,
    check,
    check_nothing_is_left,
    cut_relays,
    impatient_server,
)
from tests.integration.sockjstalk import WEB
from tests.integration.waiting import until

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with short deadlines for clients that are gone."""
    with impatient_server() as impatient:
        yield impatient


@pytest.mark.parametrize("transport", ["websocket", "raw", "eventsource"])
def test_cut_at_ten_places(server: Server, transport: str) -> None:
    """contract: 1.21, 3.3"""
    node = shutil.which("node")
    assert node is not None, "sockjs-client needs Node, which is not installed"
    with cut_relays(server, transport) as relays:
        ways = json.dumps([relay.url for relay in relays])
        arguments = [str(WEB), transport, server.url, ways, json.dumps(PROGRAMS)]
        with subprocess.Popen(
            [node, str(CUTS), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as talk:
            until(lambda: all(relay.cuts for relay in relays))
            check_nothing_is_left(server, relays)
            for relay in relays:
                relay.away = relay.leaves = False
            output, complaints = talk.communicate(timeout=60)
    assert talk.returncode == 0, complaints.decode()
    check(json.loads(output), relays)
