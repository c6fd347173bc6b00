"""What controls make of the types of a library, here of one that is for these tests alone."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction

import numpy
import pytest

from sagecell_tx.kernelside.interact import values
from sagecell_tx.kernelside.interact.automatic import automatic_control, own_control
from sagecell_tx.kernelside.interact.controls.boxes import InputBox
from sagecell_tx.kernelside.interact.controls.colors import ColorSelector
from sagecell_tx.kernelside.interact.controls.grids import InputGrid
from sagecell_tx.kernelside.interact.controls.selectors import Selector
from sagecell_tx.kernelside.interact.controls.sliders import ContinuousSlider, DiscreteSlider


class Exact(Fraction):
    """An exact number of the library."""


class Inexact(float):
    """A number that the library's sliders give."""


class Formula:
    """Something that needs a control of its own."""


values.written.register(Exact, lambda value: f"exact({value!s})")
values.label.register(Exact, lambda value: f"about {float(value):.3g}")
values.real.register(Exact, lambda end: Inexact)
own_control.register(Formula, lambda meant: InputBox("y", label="Formula"))


def test_texts_are_those_of_the_library():
    third = Exact(1, 3)
    assert InputBox(third).initial == "exact(1/3)"
    assert InputGrid(1, 2, [[third, 2]]).initial == [["exact(1/3)", "2"]]
    assert Selector([third, Fraction(1, 3), None]).labels == ["about 0.333", "1/3", "None"]
    assert DiscreteSlider([third]).labels == ["about 0.333"]
    assert automatic_control(iter([third])).message()["values"] == ["about 0.333"]


def test_an_empty_box_is_for_none():
    assert InputBox(None).initial == ""


@pytest.mark.parametrize("interval", [(Exact(0), 1), (0, Exact(1))])
def test_a_slider_gives_the_real_numbers_of_its_ends(interval):
    assert type(ContinuousSlider(interval).receive(0.5, eval)) is Inexact
    low, high = ContinuousSlider(interval, range_slider=True).receive([0, 1], eval)
    assert (type(low), type(high)) == (Inexact, Inexact)


def test_other_sliders_give_pythons():
    assert type(ContinuousSlider((Fraction(0), 1)).receive(0.5, eval)) is float
    assert type(ContinuousSlider((0, Exact(3)), stepsize=1).receive(2, eval)) is Inexact
    assert type(ContinuousSlider((0, 3), stepsize=1).receive(2, eval)) is int


def test_a_type_may_have_its_own_control():
    assert automatic_control(Formula()).label == "Formula"
    assert automatic_control(("f", Formula())).label == "f"


@pytest.mark.parametrize("step", [0.25, numpy.float32(0.25), Inexact(0.25)])
def test_a_step_that_is_not_exact_makes_a_continuous_slider(step):
    control = automatic_control((Fraction(0), 1, step))
    assert control.message()["subtype"] == "continuous"
    assert control.message()["step"] == 0.25


@pytest.mark.parametrize("step", [Fraction(1, 4), Decimal("0.25")])
def test_an_exact_step_keeps_values_exact(step):
    control = automatic_control((type(step)(0), 1, step))
    assert isinstance(control, DiscreteSlider)
    assert control.values[1] == step


def test_complex_numbers_are_not_for_sliders_over_numbers():
    control = automatic_control((numpy.complex128(1), numpy.complex128(2j)))
    assert control.message()["values"] == ["(1+0j)", "2j"]


def test_a_grid_gives_its_default_as_it_is():
    given = [[object(), 0.1], ["1+1", 2]]
    (first, second), third = InputGrid(2, 2, given).initial_value(eval)
    assert first is given[0][0]
    assert (second, third) == (0.1, [2, 2])


def test_a_library_of_colors_knows_more_names():
    class Color(str):
        """Text is enough of a colour here."""

        __slots__ = ()

        def html_color(self):
            return {"chartreuse": "#7fff00"}.get(self, str(self))

    class Colors(ColorSelector):
        color_class = Color

    control = Colors("Chartreuse")
    assert control.initial == "#7fff00"
    assert type(control.initial_value(eval)) is Color
    assert type(Colors("red", sage_mode=False).initial_value(eval)) is str
    with pytest.raises(ValueError, match="not a colour"):
        ColorSelector("chartreuse")


def test_wire_values_of_a_program_become_plain():
    given = {
        "n": numpy.int64(3),
        "x": Fraction(1, 2),
        "on": True,
        "rows": [("1", "x"), (None, numpy.float32(0.5))],
    }
    made = values.plain(given)
    assert made == {"n": 3, "x": 0.5, "on": True, "rows": [["1", "x"], [None, 0.5]]}
    assert json.loads(json.dumps(made)) == made
    assert (type(made["n"]), made["on"]) == (int, True)
