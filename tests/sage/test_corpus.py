"""Fifty cells of the corpus in kernels with Sage; ``make sage-corpus`` runs all."""

from __future__ import annotations

import pytest

from tests.sage.cells import load
from tests.sage.comparing import compare, is_installed
from tests.sage.servers import sage_server
from tests.sage.ways import Alone
from tests.sagevenv import PYTHON

pytestmark = pytest.mark.sage

CELLS = load()


@pytest.fixture(scope="module")
def alone():
    with sage_server(PYTHON) as server:
        yield Alone(server.url, CELLS)


@pytest.mark.parametrize(
    "cell", [each for each in CELLS.values() if each.chosen], ids=lambda each: each.name
)
def test_a_cell(alone, cell):
    outcomes = alone.run(cell)
    if is_installed(cell, outcomes[0]):
        assert "\n".join(map(str, compare(cell, outcomes))) == ""
