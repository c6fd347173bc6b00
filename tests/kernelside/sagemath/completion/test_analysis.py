"""Completion of programs in Sage's language, none of which has run."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.sage


def completions(cell, code):
    reply = cell.ask("sagecell.complete_request", code=code, cursor_pos=len(code))
    assert reply["status"] == "ok", reply
    return reply["matches"]


@pytest.mark.parametrize(
    ("code", "match"),
    [
        ("integ", "integrate"),
        ("R.<first> = QQ[]\nfir", "first"),
        ("f(time_of_day) = time_of_day^2\ntime_of", "time_of_day"),
        ("var('alpha_1, alpha_2')\nalpha_", "alpha_2"),
        ("if True:\n    K.<generator> = NumberField(x^2 + 1)\n    gener", "generator"),
        ("n = 5\nn.is_pr", ".is_prime"),
        ("f(t) = t^2\nf.deriv", ".derivative"),
        ("x.dif", ".diff"),
        ("m = matrix(ZZ, 2)\nm.eigenv", ".eigenvalues"),
        ("graphs.PetersenGraph().chromatic_n", ".chromatic_number"),
        ("G = SymmetricGroup(4)\nG.ord", ".order"),
        ("gap.SymmetricGr", ".SymmetricGroup"),
        ("gp.bnfin", ".bnfinit"),
        ("singular.stdh", ".stdhilb"),
    ],
)
def test_what_is_completed(cell, code, match):
    assert match in completions(cell, code)


def test_no_program_is_started_for_it(cell):
    completions(cell, "gap.")
    completions(cell, "maxima.")
    assert cell.value("[each.is_running() for each in (gap, gp, maxima, singular)]") == (
        "[False, False, False, False]"
    )


def test_a_ring_is_known_once_its_cell_has_run(cell):
    cell.run("R.<x, y> = QQ[]; g = gap('SymmetricGroup(3)')")
    assert ".ideal" in completions(cell, "R.<x, y> = QQ[]\nR.ide")
    assert ".lt" in completions(cell, "R.<x, y> = QQ[]\nx.l")
    assert ".Size" not in completions(cell, "g.Si")
