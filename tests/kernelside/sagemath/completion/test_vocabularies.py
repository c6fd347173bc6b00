"""Completion and inspection in GAP, GP, Maxima and Singular, without starting any of them."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.sage


def asked(cell, kind, mode, code):
    return cell.ask(f"sagecell.{kind}_request", code=code, cursor_pos=len(code), mode=mode)


@pytest.mark.parametrize(
    ("mode", "code", "matches"),
    [
        ("gap", "G := SymmetricGr", {"SymmetricGroup"}),
        ("gap", "functi", {"function"}),
        ("gap", "some_value := 3;; some_v", {"some_value"}),
        ("gp", "bnfin", {"bnfinit"}),
        ("maxima", "integra", {"integrate"}),
        ("maxima", "eigenv", {"eigenvalues", "eigenvectors"}),
        ("singular", "stdh", {"stdhilb"}),
        ("singular", "groeb", {"groebner"}),
    ],
)
def test_words(cell, mode, code, matches):
    reply = asked(cell, "complete", mode, code)
    assert reply["status"] == "ok", reply
    assert matches <= set(reply["matches"])
    assert code[reply["cursor_start"] :] in next(iter(matches))


@pytest.mark.parametrize(
    ("mode", "code", "said"),
    [
        ("gap", "Factorial(", "function"),
        ("gp", "bnfinit", "class group"),
        ("maxima", "integrate", "Attempts to symbolically compute the integral"),
        ("singular", "std", "returns a standard basis"),
    ],
)
def test_meanings(cell, mode, code, said):
    reply = asked(cell, "inspect", mode, code)
    assert reply["found"] is True
    text = reply["data"]["text/plain"]
    assert said in text
    assert "\x1b" not in text
    assert "/site-packages/" not in text


@pytest.mark.parametrize("mode", ["gap", "gp", "maxima", "singular"])
@pytest.mark.parametrize("code", ["no_such_name", "1+", "__class__", "Quit", "quit", '"'])
def test_what_means_nothing(cell, mode, code):
    assert asked(cell, "inspect", mode, code)["status"] == "ok"
    assert cell.value(f"{mode}.is_running()") == "False"
