"""Completion and inspection of a program that has not run, as good as with evaluation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kernelside.driving import Cell

pytestmark = pytest.mark.integration

PRELOAD = "numpy"


def ask(cell: Cell, code: str, kind: str = "complete") -> dict[str, Any]:
    return cell.ask(f"sagecell.{kind}_request", code=code, cursor_pos=len(code))


@pytest.mark.parametrize(
    ("code", "match"),
    [
        ("enumer", "enumerate"),
        ("x = enumer", "enumerate"),
        ("for i in ran", "range"),
        ("interac", "interact"),
        ("%tim", "%timeit"),
        ("\\alp", "\\alpha"),
        ("sys.stdout.wri", ".write"),
        ("'a'.upp", ".upper"),
        ("x = [1]\nx.app", ".append"),
        ("def f(x: str):\n    x.upp", ".upper"),
        ("import os; os.pa", ".path"),
        ("import numpy as np\nnp.linspa", ".linspace"),
        ("class A:\n    def hello(self):\n        self.world = 1\nA().wor", ".world"),
        ("special_number = 1\nspecial", "special_number"),
        ("sorted([1], rev", "reverse="),
        ("import jso", "json"),
        ("import numpy.lin", "numpy.linalg"),
        ("from numpy import linsp", "linspace"),
    ],
)
def test_a_completion(cell, code, match):
    reply = ask(cell, code)
    assert match in reply["matches"]
    assert reply["cursor_end"] == len(code)
    assert match.startswith(code[reply["cursor_start"] :])


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("sorted(", "ascending order"),
        ("interact", "layout"),
        ("import numpy as np\nnp.linspace(0, ", "evenly spaced"),
        ("x = 'a'\nx.upper(", "uppercase"),
        ("special = len\nspecial", "number of items"),
        ("sorted(len", "number of items"),
        ("sorted(\n    'a'.upper", "uppercase"),
        ("%timeit", "Time execution"),
    ],
)
def test_an_explanation(cell, code, text):
    reply = ask(cell, code, "inspect")
    assert reply["found"]
    assert text in reply["data"]["text/plain"]


@pytest.mark.parametrize("code", ["nothing_at_all", "x = f()\nx", "a.b.c(", "9**9"])
def test_what_is_not_known(cell, code):
    assert not ask(cell, code, "inspect")["found"]


def test_no_answer_is_long(cell):
    for code in ('"' + "/" * 4000, "import ", "\\", ""):
        reply = ask(cell, code)
        assert reply["status"] == "ok"
        assert len(reply["matches"]) <= 500
        assert all(len(match) <= 128 for match in reply["matches"])
