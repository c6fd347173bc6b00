"""A traceback shows the lines of a Sage cell as they were typed, and nothing of Cython."""

from __future__ import annotations

import pytest

from tests.kernelside.sagemath.displays import words

pytestmark = [pytest.mark.sage, pytest.mark.integration]


def test_the_line_as_typed(cell):
    for code, line in {
        "1/0": "----> 1 1/0",
        "R.<t> = QQ[]\nt + 1/0": "----> 2 t + 1/0",
        "f(x) = 1/x\nf(0)": "----> 2 f(0)",
        "factor(0)": "----> 1 factor(0)",
        "def g(n):\n    return 2^n/0\ng(3)": "      2     return 2^n/0",
        "for n in [1..3]:\n    n/0": "----> 2     n/0",
        "matrix(2, [1, 2, 2, 4])^-1": "----> 1 matrix(2, [1, 2, 2, 4])^-1",
    }.items():
        shown = words(cell.run(code))
        if line not in shown:
            raise AssertionError(shown)
        for unseen in ("Integer(", ".pyx", "Could not get source", "_first_ngens", "site-packages"):
            assert unseen not in shown, shown


def test_a_cell_whose_lines_were_joined(cell):
    assert "ZeroDivisionError" in words(cell.run("%%time\n1/0"))


def test_a_wrapped_program(cell):
    shown = words(cell.run('exec("""x = 1\n1/0""")'))
    assert "----> 2 1/0" in shown
    assert "exec(" not in shown
