"""The controls for default values, and those of the old control functions."""

from __future__ import annotations

from fractions import Fraction

import numpy
import pytest

from sagecell_tx.kernelside.interact import NAMES
from sagecell_tx.kernelside.interact.arrays import TAKEN
from sagecell_tx.kernelside.interact.automatic import automatic_control
from tests.kernelside.interact.recording import World


class Color:
    """A stand-in for Sage's class, as far as it matters here."""

    def html_color(self):
        return "#0000ff"


class Matrix:
    """As above."""

    def __init__(self, rows):
        self._rows = rows

    def nrows(self):
        return len(self._rows)

    def rows(self):
        return [tuple(row) for row in self._rows]

    def parent(self):
        return Matrix


def seen(meant):
    """Type and subtype, the default on the wire, and the function's first value."""
    world = World()
    world.one(automatic_control(meant))
    look = world.look
    return look["control_type"], look.get("subtype"), look["default"], world.calls[0]


@pytest.mark.parametrize(
    ("meant", "expected"),
    [
        (True, ("checkbox", None, True, True)),
        ("text", ("input_box", "input", "text", "text")),
        ("#00FF00", ("color_selector", None, "#00ff00", "#00ff00")),
        (5, ("input_box", "input", "5", 5)),
        (1.5, ("input_box", "input", "1.5", 1.5)),
        (None, ("input_box", "input", "", None)),
        ({"a": 1}, ("input_box", "input", "{'a': 1}", {"a": 1})),
        ([1, 2, 3], ("selector", "button", 0, 1)),
        (list("abcdef"), ("selector", "list", 0, "a")),
        ([(1, "one"), (2, "two")], ("selector", "button", 0, 1)),
        ([[1, 2], [3, 4]], ("input_grid", None, [["1", "2"], ["3", "4"]], [[1, 2], [3, 4]])),
        ((0, 10), ("slider", "continuous", 0.0, 0.0)),
        ((1, 10, 1), ("slider", "continuous", 1.0, 1)),
        ((0.0, 1, 0.5), ("slider", "continuous", 0.0, 0.0)),
        ((Fraction(0), 1, Fraction(1, 3)), ("slider", "discrete", 0, Fraction(0))),
        ((5, (0, 10)), ("slider", "continuous", 5.0, 5.0)),
        ((4, (0, 10, 2)), ("slider", "continuous", 4.0, 4)),
        ((2, [1, 2, 3]), ("selector", "button", 1, 2)),
        ((3, range(5)), ("slider", "discrete", 3, 3)),
        (range(5), ("slider", "discrete", 0, 0)),
        pytest.param((n * n for n in range(1, 4)), ("slider", "discrete", 0, 1), id="generator"),
        (("a", "b"), ("input_box", "input", "b", "b")),
        ((1, 2, 3, 4), ("slider", "discrete", 0, 1)),
    ],
    ids=repr,
)
def test_the_control_that_is_meant(meant, expected):
    """contract: 5.3"""
    assert seen(meant) == expected


def test_a_label_and_what_it_is_for():
    control = automatic_control(("Label", (2, (0, 10, 1))))
    assert control.label == "Label"
    assert control.message()["default"] == 2.0


def test_what_has_no_end_is_taken_in_part():
    def endless():
        number = 0
        while True:
            yield number
            number += 1

    assert automatic_control(endless()).message()["range"] == [0, TAKEN - 1]


def test_colors_and_matrices_of_sage_and_numpy():
    assert seen(Color())[:3] == ("color_selector", None, "#0000ff")
    kind, _, default, first = seen(Matrix([[1, 2]]))
    assert (kind, default) == ("input_grid", [["1", "2"]])
    assert isinstance(first, Matrix)
    kind, _, _, first = seen(numpy.eye(2))
    assert kind == "input_grid"
    assert (first == numpy.eye(2)).all()


def test_what_means_no_control():
    with pytest.raises(ValueError, match="empty tuple"):
        automatic_control(())
    with pytest.raises(ValueError, match="ascending order"):
        automatic_control((Fraction(3), 1, Fraction(1)))
    with pytest.raises(ValueError, match="at most"):
        automatic_control((Fraction(0), 10**6, Fraction(1, 2)))


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("checkbox(False)", ("checkbox", None, False, False)),
        ("input_box('1+1')", ("input_box", "input", "1+1", 2)),
        ("input_box('1+1', type=str)", ("input_box", "input", "1+1", "1+1")),
        ("input_box(2, type=float, height=3)", ("input_box", "textarea", "2", 2.0)),
        ("input_box()", ("input_box", "input", "", None)),
        ("slider(1, 5)", ("slider", "continuous", 1.0, 1.0)),
        ("slider(5)", ("slider", "continuous", 0.0, 0.0)),
        ("slider(1, 5, 1, 3)", ("slider", "continuous", 3.0, 3)),
        ("slider([2, 4, 6], default=4)", ("slider", "discrete", 1, 4)),
        ("range_slider(0, 9, 1, (2, 4))", ("slider", "continuous_range", [2.0, 4.0], (2, 4))),
        ("range_slider('abc')", ("slider", "discrete_range", [0, 2], ("a", "c"))),
        ("selector([1, 2], default=2)", ("selector", "list", 1, 2)),
        ("selector([1, 2], buttons=True)", ("selector", "button", 0, 1)),
        ("selector([1, 2], nrows=2)", ("selector", "button", 0, 1)),
        ("input_grid(1, 2, default=7)", ("input_grid", None, [["7", "7"]], [[7, 7]])),
        ("input_grid(1, 2, [1, 2], to_value=sum_up)", ("input_grid", None, [["1", "2"]], 3)),
        ("color_selector()", ("color_selector", None, "#0000ff", "#0000ff")),
        ("color_selector('red', widget='farbtastic')",
         ("color_selector", None, "#ff0000", "#ff0000")),
    ],
)  # fmt: skip
def test_the_old_names(call, expected):
    """contract: 5.2"""
    names = {**NAMES, "sum_up": lambda rows: sum(rows[0])}
    assert seen(eval(call, names)) == expected


def test_text_among_the_controls_and_exact_steps():
    assert NAMES["text_control"]("<b>").message() == {"control_type": "html_box", "value": "<b>"}
    exact = NAMES["slider"](Fraction(0), Fraction(1), Fraction(1, 4))
    assert exact.values == [Fraction(n, 4) for n in range(5)]

    class Color(str):
        """Sage's type of colours is recognized by its name."""

    box = NAMES["input_box"]("#ff0000", type=Color)
    assert box.message()["control_type"] == "color_selector"
