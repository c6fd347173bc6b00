"""The context of the cursor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.kernelside.completion.cursor import CursorContext


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", CursorContext()),
        ("x = pri", CursorContext("pri")),
        ("x\ny = pri", CursorContext("pri")),
        ("sys.pa", CursorContext("pa", "sys", is_attribute=True)),
        ("a = sys.path.", CursorContext("", "sys.path", is_attribute=True)),
        ("1 + f(a, 'b')[2].c(3).d", CursorContext("d", "f(a, 'b')[2].c(3)", is_attribute=True)),
        ("[1, 2].", CursorContext("", "[1, 2]", is_attribute=True)),
        ("'a.b('.", CursorContext("", "'a.b('", is_attribute=True)),
        ("f(a,\n  b).c", CursorContext("c", "f(a,\n  b)", is_attribute=True)),
        ("return (1).", CursorContext("", "(1)", is_attribute=True)),
        ("print(a, se", CursorContext("se", callee="print")),
        ("a.b(c, d=sys.pa", CursorContext("pa", "sys", "a.b", is_attribute=True)),
        ("f(g(1), ", CursorContext(callee="f")),
        ("f([a", CursorContext("a")),
        ("if (a", CursorContext("a")),
        ("x = 'a.b", CursorContext(is_text=True)),
        ("x = '''a\nb.c", CursorContext(is_text=True)),
        ("1 # sys.pa", CursorContext(is_text=True)),
        ("'\U0001f600'; ab", CursorContext("ab")),
        (".", CursorContext(is_attribute=True)),
        ("..a", CursorContext("a", is_attribute=True)),
        (")].a", CursorContext("a", is_attribute=True)),
    ],
)
def test_what_is_pointed_at(text: str, expected: CursorContext) -> None:
    assert CursorContext.at_end_of(text) == expected


@given(st.text(alphabet="ab \n:=.()[]'\"\\#,;1{}\x00\ud800\t", max_size=200))
def test_any_text(text: str) -> None:
    pointed = CursorContext.at_end_of(text)
    assert pointed.word in text
    assert pointed.owner in text
    assert pointed.callee in text


@pytest.mark.parametrize("part", ["(", "[", ")", "a()", "a.", "f(", "\\", "'", '"""', "\n"])
def test_thousands_of_anything(part: str) -> None:
    CursorContext.at_end_of(part * 4000 + ".x")
