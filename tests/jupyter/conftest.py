"""Fixtures: a server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.servers import Server
from tests.jupyter.programs import TOKEN


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    """A server that knows one token."""
    with Server(keys={"school": TOKEN}) as server:
        yield server
