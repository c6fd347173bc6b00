"""Rows of places from each form of layout that an author may give."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.kernelside.interact.layouts import layout

NAMES = ["a", "b", "c"]


def rows(asked, output=True):
    return [[tuple(place) for place in row] for row in layout(asked, NAMES, output=output)]


def names(asked, output=True):
    return [[name for name, _ in row] for row in rows(asked, output)]


def test_each_in_a_row_of_its_own():
    """contract: 4.1"""
    assert rows(None) == [
        [("a", 1.0)],
        [("b", 1.0)],
        [("c", 1.0)],
        [("_bookmarks", 1.0)],
        [("_output", 1.0)],
    ]


def test_rows_of_names():
    assert rows([["a", "b"], ["c"]]) == [[("a", 0.5), ("b", 0.5)], [("c", 1.0)], [("_output", 1.0)]]


def test_widths_are_kept_and_the_rest_is_shared():
    assert rows([[("a", 0.2), "b", "c"]])[0] == [("a", 0.2), ("b", 0.4), ("c", 0.4)]
    assert rows([[("a", 1), ("b", 1), ("c", 1)]])[0] == [(name, 1 / 3) for name in NAMES]
    assert rows([[("a", 1), "b", "c"]])[0] == [(name, 1 / 3) for name in NAMES]


def test_who_is_not_named_comes_before_the_output():
    assert names([["b"], ["_output"], ["_bookmarks"]]) == [
        *(["b"], ["a"], ["c"]),
        *(["_output"], ["_bookmarks"]),
    ]


def test_sides_of_the_output():
    assert names({"top": [["a"]], "left": ["b"], "right": [["c"]], "bottom": []}) == [
        ["a"],
        ["b", "_output", "c"],
    ]
    assert names({"bottom": [["a", "b"], ["c"]]}) == [["_output"], ["a", "b"], ["c"]]


def test_all_that_are_not_named_elsewhere():
    assert names({"left": ["a"], "bottom": [["*"]]}) == [["a", "_output"], ["b", "c"]]
    assert names([["*"]]) == [["a", "b", "c"], ["_output"]]


def test_no_output():
    assert ["_output"] not in names(None, output=False)
    assert names([["a", "_output"]], output=False) == [["b"], ["c"], ["a"]]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ([["d"]], "'d', which is not a control"),
        ([["a"], ["a"]], "'a' twice"),
        ({"middle": [["a"]]}, "not a side"),
        ([[("a", 2)]], "from 0 to 1"),
        ([[("a", 0)]], "from 0 to 1"),
        ([[5]], "a name"),
        ([[("a", "wide")]], "a name"),
    ],
)
def test_what_makes_no_sense(asked, sentence):
    with pytest.raises(ValueError, match=sentence):
        layout(asked, NAMES, output=True)


places = st.sampled_from(NAMES) | st.tuples(st.sampled_from(NAMES), st.floats(0.01, 1))


@given(st.lists(st.lists(places, max_size=4), max_size=4))
def test_every_control_has_one_place_in_a_row_that_fits(asked):
    try:
        made = layout(asked, NAMES, output=True)
    except ValueError as error:
        named = [place if isinstance(place, str) else place[0] for row in asked for place in row]
        if len(set(named)) == len(named):
            raise AssertionError(asked) from error
        return
    assert sorted(name for row in made for name, _ in row) == ["_output", *NAMES]
    assert all(0 < width <= 1 for row in made for _, width in row)
    assert all(sum(width for _, width in row) < 1 + 1e-9 for row in made)
