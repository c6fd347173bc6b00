"""Docstrings that are late run again, and right blocks are counted."""

from __future__ import annotations

from tests.sage.doctests import Docstring, Lost, Tally, run_again


def test_what_was_not_done_in_time_runs_again():
    blocks = [{"line": 1, "code": "1"}, {"line": 2, "code": "2"}]
    done, late, ended = (Docstring(name, blocks) for name in ("done", "late", "ended"))
    one, two = {"texts": ["1\n"], "error": ""}, {"texts": ["2\n"], "error": ""}
    came = {"done": [one, two], "late": [], "ended": [one]}
    alone = {"late": [one, two], "ended": []}
    completed = run_again([done, late, ended], came, lambda each: alone[each.name])
    assert completed == {"done": [one, two], "late": [one, two], "ended": [one]}


def test_a_tally():
    total = Tally()
    total.add(
        Tally(blocks=4, here=2, plain=4, lost=[Lost("the last one"), Lost("the first", "memory")])
    )
    total.add(Tally(blocks=4, here=4, plain=4))
    assert total.line("all").split() == ["all", "8", "75.00", "%", "100.00", "%", "2", "1"]
