"""A difference to plain Sage has a reason, or is reported as unexplained."""

from __future__ import annotations

import pytest

from tests.sage.doctests import MODULES
from tests.sage.explained import Explained

TEXT = """
[memory]
reason = "Kernels have less memory."
blocks = ["sage.matrix.special.random, line 12"]

[terminal]
reason = "There is no terminal."
blocks = ["sage.plot.*"]
"""


def test_reasons(tmp_path):
    path = tmp_path / "explained.toml"
    path.write_text(TEXT, "utf-8")
    explained = Explained.load(path)
    assert explained.why("sage.matrix.special.random, line 12") == "memory"
    assert explained.why("sage.matrix.special.random, line 121") == ""
    assert explained.why("sage.plot.plot.list_plot, line 3") == "terminal"
    assert list(explained.summary(["", "memory", "memory"])) == [
        "   2 memory: Kernels have less memory."
    ]


def test_a_mistake(tmp_path):
    path = tmp_path / "explained.toml"
    path.write_text('[memory]\nblock = ["a"]\nreason = "b"', "utf-8")
    with pytest.raises(TypeError):
        Explained.load(path)


def test_those_of_the_thirty_modules():
    explained = Explained.load()
    for each in explained.reasons:
        assert each.reason.endswith(".")
        assert all(block.startswith(MODULES) for block in each.blocks)
