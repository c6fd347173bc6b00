"""Fixtures: a real server that tests share, and one for a single test."""

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
    """A server for one test, which may stop or kill it."""
    with Server() as own:
        yield own


@pytest.fixture
def bystander(server: Server) -> Iterator[Client]:
    """Another visitor's session, which must continue undisturbed."""
    with Client(server.url, timeout="600") as client:
        client.run("kept = 6 * 7")
        yield client
        assert text(client.run("print(kept)")) == "42\n"
