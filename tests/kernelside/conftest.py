"""A fork server for each test module, and a kernel for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernelside.driving import Cell, Server


@pytest.fixture(scope="module")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The test module's fork server; the module's `PRELOAD` names what it preloads."""
    server = Server(tmp_path_factory.mktemp("kernels"), getattr(request.module, "PRELOAD", ""))
    yield server
    assert server.close() == 0


@pytest.fixture
def cell(server: Server) -> Iterator[Cell]:
    """A kernel for one test."""
    cell = server.start()
    yield cell
    cell.stop()
