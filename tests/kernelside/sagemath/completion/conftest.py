"""Kernels whose answers may take long, as on a busy machine."""

from __future__ import annotations

import pytest

from tests.kernelside.driving import Cell


@pytest.fixture
def cell(cell: Cell) -> Cell:
    """A kernel for one test."""
    cell.give_time()
    return cell
