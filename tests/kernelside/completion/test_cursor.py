"""What the cursor stands behind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.kernelside.completion.cursor import Pointed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Pointed()),
        ("x = pri", Pointed("pri")),
        ("x\ny = pri", Pointed("pri")),
        ("sys.pa", Pointed("pa", "sys", is_attribute=True)),
        ("a = sys.path.", Pointed("", "sys.path", is_attribute=True)),
        ("1 + f(a, 'b')[2].c(3).d", Pointed("d", "f(a, 'b')[2].c(3)", is_attribute=True)),
        ("[1, 2].", Pointed("", "[1, 2]", is_attribute=True)),
        ("'a.b('.", Pointed("", "'a.b('", is_attribute=True)),
        ("f(a,\n  b).c", Pointed("c", "f(a,\n  b)", is_attribute=True)),
        ("return (1).", Pointed("", "(1)", is_attribute=True)),
        ("print(a, se", Pointed("se", callee="print")),
        ("a.b(c, d=sys.pa", Pointed("pa", "sys", "a.b", is_attribute=True)),
        ("f(g(1), ", Pointed(callee="f")),
        ("f([a", Pointed("a")),
        ("if (a", Pointed("a")),
        ("x = 'a.b", Pointed(is_text=True)),
        ("x = '''a\nb.c", Pointed(is_text=True)),
        ("1 # sys.pa", Pointed(is_text=True)),
        ("'\U0001f600'; ab", Pointed("ab")),
        (".", Pointed(is_attribute=True)),
        ("..a", Pointed("a", is_attribute=True)),
        (")].a", Pointed("a", is_attribute=True)),
    ],
)
def test_what_is_pointed_at(text: str, expected: Pointed) -> None:
    assert Pointed.at_end_of(text) == expected


@given(st.text(alphabet="ab \n:=.()[]'\"\\#,;1{}\x00\ud800\t", max_size=200))
def test_any_text(text: str) -> None:
    pointed = Pointed.at_end_of(text)
    assert pointed.word in text
    assert pointed.owner in text
    assert pointed.callee in text


@pytest.mark.parametrize("part", ["(", "[", ")", "a()", "a.", "f(", "\\", "'", '"""', "\n"])
def test_thousands_of_anything(part: str) -> None:
    Pointed.at_end_of(part * 4000 + ".x")
