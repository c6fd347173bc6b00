"""A graph is shown as a picture, whichever way a program asks for."""

from __future__ import annotations

import pytest

from tests.kernelside.sagemath.displays import picture, value

pytestmark = [pytest.mark.sage, pytest.mark.integration]


def test_show(cell):
    for graph in ("graphs.PetersenGraph()", "DiGraph({0: [1]})"):
        for options in ("", "method='js'", "method='js', vertex_labels=False, charge=-120"):
            data = value(cell, f"{graph}.show({options})")
            assert picture(data).startswith(b"\x89PNG")
    assert picture(value(cell, "show(graphs.PetersenGraph(), method='js')")).startswith(b"\x89PNG")
