"""One fork server with Sage for all tests, since it takes long to start; a kernel for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.kernelside.driving import Cell, Server
from tests.sagevenv import PYTHON


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A fork server with Sage."""
    base = tmp_path_factory.mktemp("kernels")
    # With Sage's own programs beside the system's, as the web process sets it.
    path = f"{PYTHON.parent}:{os.environ['PATH']}"
    server = Server(
        base,
        preload="numpy,matplotlib.pyplot,pandas",
        python=str(PYTHON),
        environment={**os.environ, "PATH": path},
    )
    yield server
    assert server.close() == 0


@pytest.fixture
def cell(server: Server) -> Iterator[Cell]:
    """A kernel for one test."""
    cell = server.start()
    yield cell
    cell.stop()
