"""A fork server of each kind for all modules here, and kernels for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernelside.confined import Kind, confined
from tests.kernelside.driving import Cell, Server


@pytest.fixture(scope="package")
def kind(request: pytest.FixtureRequest) -> Kind:
    """The kind that `at_each` asks for."""
    kind: Kind = request.param
    return kind


@pytest.fixture(scope="package")
def server(kind: Kind) -> Iterator[Server]:
    """The fork server of that kind."""
    with confined(kind) as server:
        yield server


@pytest.fixture
def cell(server: Server) -> Iterator[Cell]:
    """A kernel for one test."""
    cell = server.start()
    yield cell
    cell.stop()
