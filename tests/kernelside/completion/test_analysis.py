"""What a program's text tells about its names, and that none of it is run."""

from __future__ import annotations

import ast
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.kernelside.completion.analysis import (
    KnownInstance,
    KnownObject,
    Meaning,
    NameAnalysis,
    ProgramDefinition,
    attributes,
    parameters,
)


class Trap:
    """An object that records every use of it."""

    sprung = False

    @property
    def computed(self) -> str:
        Trap.sprung = True
        return "text"

    def __getattr__(self, name: str) -> str:
        Trap.sprung = True
        return "text"

    def __call__(self) -> str:
        Trap.sprung = True
        return "text"

    def promising(self) -> str:
        Trap.sprung = True
        return "text"


BEFORE: dict[str, Any] = {"sys": sys, "trap": Trap(), "Trap": Trap}


def meaning(expression: str, program: str = "") -> Meaning:
    return NameAnalysis.of(program, BEFORE).meaning(ast.parse(expression, mode="eval").body)


@pytest.mark.parametrize(
    ("expression", "program", "expected"),
    [
        ("'a'", "", KnownInstance(str)),
        ("f'{a}'", "", KnownInstance(str)),
        ("[a]", "", KnownInstance(list)),
        ("{}", "", KnownInstance(dict)),
        ("len", "", KnownObject(len)),
        ("sys.path", "", KnownObject(sys.path)),
        ("int()", "", KnownInstance(int)),
        ("x", "x = y = (1, 2)\n", KnownInstance(tuple)),
        ("x", "x = 1\nx = 'a'\n", KnownInstance(str)),
        ("x", "x: int\n", KnownInstance(int)),
        ("x", "def f(x: str):\n    ", KnownInstance(str)),
        ("x", "try: y\nexcept KeyError as x:\n    ", KnownInstance(KeyError)),
        ("e", "import errno as e\n", KnownObject(sys.modules["errno"])),
        ("os.path", "import os.path\n", KnownObject(sys.modules["os.path"])),
        ("p", "from os import path as p\n", KnownObject(sys.modules["os.path"])),
        ("x", "x = 1\n)(\nx = 'a'\n", KnownInstance(int)),  # up to the mistake
        ("x", "x = 1\nwhile x:\n    ", KnownInstance(int)),
        ("trap.promising()", "", None),
        ("x", "for x in 'abc':\n    ", None),
        ("x", "import no_such_module as x\n", None),
        ("nothing.at.all", "", None),
        ("trap.computed", "", None),
        ("trap.anything", "", None),
        ("trap()", "", None),
        ("9**9**9**9", "", None),
    ],
)
def test_what_an_expression_is(expression: str, program: str, expected: Meaning) -> None:
    assert meaning(expression, program) == expected
    assert not Trap.sprung


def test_a_class_of_the_program() -> None:
    program = "class A(dict):\n    b: int\n    c = 1\n    def d(self, e):\n        self.f = e\n"
    written = meaning("A()", program)
    assert isinstance(written, ProgramDefinition)
    assert {"b", "c", "d", "f", "keys"} <= set(attributes(written))


def test_parameters() -> None:
    assert parameters(meaning("sorted")) == ["key", "reverse"]
    assert parameters(meaning("f", "def f(a, *b, c=1): pass\n")) == ["a", "c"]
    assert parameters(meaning("3")) == parameters(meaning("sys.path")) == []


def test_a_module_that_is_not_loaded_stays_so() -> None:
    assert meaning("antigravity", "import antigravity\n") is None
    assert "antigravity" not in sys.modules


@given(st.text(alphabet="ab \n:=.()[]'\"\\#,;1{}\x00\ud800", max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    NameAnalysis.of(text, BEFORE)


@pytest.mark.parametrize("part", ["(", "[", "{", "-", "f(", "lambda:", "a.", "x=", "not ", "@"])
def test_depth_does_no_harm(part: str) -> None:
    reading = NameAnalysis.of("y = 1\n" + part * 4000 + "1\n", BEFORE)
    assert set(reading.names) <= {"x", "y"}
