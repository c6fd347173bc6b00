"""A real server for each test that asks for one, and the same one for those that share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.script import Client, text
from tests.integration.servers import Server


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    """A server that the tests of this package share; they leave it as they found it."""
    with Server(ready=2, preload=None) as shared:
        yield shared


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server of the test's own, which it may stop or kill."""
    with Server() as own:
        yield own


@pytest.fixture
def bystander(server: Server) -> Iterator[Client]:
    """Somebody else's session, which must go on."""
    with Client(server.url, timeout="600") as client:
        client.run("kept = 6 * 7")
        yield client
        assert text(client.run("print(kept)")) == "42\n"
