"""The text of programs in other languages, without running any."""

from __future__ import annotations

import pytest

from sagecell_tx.kernelside.sagemath.languages.sources import (
    gp_statements,
    left_open,
    without_comments,
)


@pytest.mark.parametrize(
    ("language", "text", "code"),
    [
        ("gp", "1 \\\\ one\n2 /* two\n lines */ + 3", "1  \n2   + 3"),
        ("gp", r'print("\\ none /* none */")', r'print("\\ none /* none */")'),
        ("singular", "5; // five\n/* a */ 6;", "5;  \n  6;"),
        ("singular", 'LIB "a//b";', 'LIB "a//b";'),
        ("maxima", "/* a */ 1 // 2;", "  1 // 2;"),
    ],
)
def test_comments_become_spaces_except_in_strings(language, text, code):
    assert without_comments(text, language) == code


@pytest.mark.parametrize(
    ("code", "opened"),
    [
        ("", ""),
        ("f(g[1], {2});", ""),
        ("proc f(int n) { return(n", "("),
        ("if (1) { 5;", "{"),
        ("5};", ""),
        ('"{(["', ""),
        (r'"a\"', '"'),
        ("1 /* 2", "/*"),
    ],
)
def test_what_is_left_open(code, opened):
    assert left_open(code) == opened


def test_a_line_is_a_statement_unless_it_goes_on():
    text = 'a = 1\n\nf(x) =\nx + 1\ng(x) = {\n  my(y = x);\n  y\n}\nb = 1 + \\\n2\nprint("{")\nlast'
    assert gp_statements(text) == [
        "a = 1",
        "f(x) = x + 1",
        "g(x) = { my(y = x); y }",
        "b = 1 +  2",
        'print("{")',
        "last",
    ]


def test_a_brace_that_is_never_closed_takes_the_rest():
    assert gp_statements("1\n{ 2\n3") == ["1", "{ 2 3"]
    assert gp_statements("\\\\ only a comment") == []
