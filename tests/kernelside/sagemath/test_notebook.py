"""Sage's own library of interacts, with our controls."""

from __future__ import annotations

import pytest

from tests.kernelside.sagemath.interacting import show

pytestmark = pytest.mark.sage


def test_the_library_uses_our_interacts(cell):
    interact = show(cell, "interacts.calculus.taylor_polynomial()")
    assert {"f", "order"} <= set(interact.announced["controls"])
    interact.move(f="cos(x)", order=3)
    assert interact.result.reply["status"] == "ok"


def test_each_of_the_library_is_shown_and_answers(cell):
    names = "[name for name, value in vars(library).items() if hasattr(value, '_widgets')]"
    cell.run("import sage.interacts.library as library")
    shown = eval(cell.value(names))
    assert len(shown) > 15
    for name in shown:
        interact = show(cell, f"library.{name}()")
        assert interact.result.of("error") == []
        interact.move()
        assert (name, interact.result.reply["status"]) == (name, "ok")


def test_controls_may_be_keyword_arguments_as_in_a_notebook(cell):
    code = """
    from sage.repl.ipython_kernel.all_jupyter import *
    @interact(f=slider(1, 5, 1))
    def _(f, n=2/3):
        print(f, n)
    """
    interact = show(cell, code)
    assert interact.printed == "1 2/3"
    assert interact.move(f=4, n="x^2") == "4 x^2"
