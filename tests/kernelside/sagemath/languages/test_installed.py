"""Octave, R and Macaulay2 as they are installed, in a kernel with Sage under `namespaces`."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.kernelside.confined import Kind, confined
from tests.kernelside.driving import Cell, Server
from tests.kernelside.languages.test_installed import (  # noqa: F401
    test_a_plot_is_a_picture,
    test_an_interrupt_stops_a_program_and_keeps_its_variables,
    test_definitions_are_kept_for_later_cells,
    test_the_program_ends_with_the_kernel,
)

pytestmark = pytest.mark.sage


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with confined(Kind("namespaces", os.getuid() == 0, sage=True)) as server:
        yield server


@pytest.fixture
def cell(server: Server) -> Iterator[Cell]:
    cell = server.start()
    yield cell
    cell.stop()
