"""A fork server for each module, and a kernel for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernelside.driving import Cell, Server


@pytest.fixture(scope="module")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The module's fork server; a constant `PRELOAD` names what it loads before it forks."""
    server = Server(tmp_path_factory.mktemp("kernels"), getattr(request.module, "PRELOAD", ""))
    yield server
    assert server.close() == 0


@pytest.fixture
def cell(server: Server) -> Iterator[Cell]:
    """A kernel of the test's own."""
    cell = server.start()
    yield cell
    cell.stop()
