"""Sliders of all kinds: their descriptions and the values they accept."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.kernelside.interact.controls.multisliders import MultiSlider
from sagecell_tx.kernelside.interact.controls.sliders import ContinuousSlider, DiscreteSlider
from sagecell_tx.kernelside.interact.page import RequestRefused
from tests.kernelside.interact.recording import World


@pytest.fixture
def world():
    return World()


def test_continuous(world):
    """contract: 4.1"""
    world.one(ContinuousSlider((0, 10), 2, label="n"))
    assert world.look == {
        "control_type": "slider",
        "subtype": "continuous",
        "range": [0.0, 10.0],
        "step": 0.04,
        "default": 2.0,
        "display_value": True,
        "label": "n",
        "update": True,
    }
    assert world.send(3.5) == 3.5
    assert type(world.send(3)) is float
    for wrong in (11, -1, "3", True, None, [3], math.nan, math.inf, 10**400):
        with pytest.raises(RequestRefused):
            world.send(wrong)


def test_whole_numbers_stay_whole(world):
    world.one(ContinuousSlider((1, 10), stepsize=1))
    assert world.calls == [1]
    assert type(world.send(7.0)) is int


def test_a_range(world):
    world.one(ContinuousSlider((0, 10), (4, 2), range_slider=True))
    assert world.look["subtype"] == "continuous_range"
    assert world.look["default"] == [2.0, 4.0]
    assert world.send([1, 5]) == (1.0, 5.0)
    for wrong in ([5, 1], [1], 1, [1, 11], [1, "2"]):
        with pytest.raises(RequestRefused):
            world.send(wrong)
    world.one(ContinuousSlider((0, 10), range_slider=True))
    assert world.calls[-1] == (0.0, 10.0)


def test_discrete(world):
    world.one(DiscreteSlider(["red", "green", "blue"], "green", display_value=False))
    assert world.look == {
        "control_type": "slider",
        "subtype": "discrete",
        "range": [0, 2],
        "step": 1,
        "values": ["red", "green", "blue"],
        "default": 1,
        "display_value": False,
        "label": "x",
        "update": True,
    }
    assert world.send(2) == "blue"
    with pytest.raises(RequestRefused):
        world.send(3)


def test_discrete_range(world):
    world.one(DiscreteSlider("abc", range_slider=True))
    assert world.look["subtype"] == "discrete_range"
    assert world.look["default"] == [0, 2]
    assert world.send([1, 1]) == ("b", "b")
    with pytest.raises(RequestRefused, match="must come first"):
        world.send([2, 0])


def test_the_nearest_of_numbers_is_meant():
    assert DiscreteSlider([0, 10, 20], 12).default == 1
    with pytest.raises(ValueError, match="not one of the choices"):
        DiscreteSlider(["a"], "b")
    assert ContinuousSlider((0, 1), 5).default == 1.0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"interval": (1, 0)}, "above the upper"),
        ({"interval": 5}, "two numbers"),
        ({"interval": ("a", "b")}, "must be a number"),
        ({"interval": (0, math.inf)}, "finite"),
        ({"stepsize": -1}, "above zero"),
        ({"steps": 0}, "above zero"),
        ({"range_slider": True, "default": 3}, "two values"),
    ],
)
def test_what_makes_no_sense(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        ContinuousSlider(**options)


def test_many_continuous(world):
    world.one(MultiSlider(2, interval=[(0, 1), (0, 5)], default=[1, 2]))
    assert world.look == {
        "control_type": "multi_slider",
        "subtype": "continuous",
        "sliders": 2,
        "range": [[0.0, 1.0], [0.0, 5.0]],
        "step": [0.004, 0.02],
        "default": [1.0, 2.0],
        "display_values": True,
        "label": "x",
        "update": True,
    }
    assert world.send([0.5, 3]) == [0.5, 3.0]
    for wrong in ([0.5], [2, 3], 0.5, [None, 1]):
        with pytest.raises(RequestRefused):
            world.send(wrong)


def test_many_discrete(world):
    world.one(MultiSlider(3, values=[[0, 1], "abc"], slider_type="discrete"))
    assert world.look["values"] == [["0", "1"], ["a", "b", "c"], ["a", "b", "c"]]
    assert world.look["range"] == [[0, 1], [0, 2], [0, 2]]
    assert world.send([1, 2, 0]) == [1, "c", "a"]
    with pytest.raises(RequestRefused):
        world.send([2, 0, 0])


def test_many_that_make_no_sense():
    wrongs: list[dict[str, Any]] = [{"sliders": 0}, {"sliders": 10**6}, {"slider_type": "round"}]
    for wrong in (*wrongs, {"interval": []}):
        with pytest.raises(ValueError, match=r"must be|one of"):
            MultiSlider(**wrong)


@given(st.integers(-50, 50), st.integers(0, 50), st.integers(1, 9), st.integers(0, 100))
def test_each_step_of_a_slider_is_taken(low, span, step, number):
    slider = ContinuousSlider((low, low + span), stepsize=step)
    sent = min(low + number * step, low + span)
    assert slider.receive(float(sent), eval) == sent


def test_rounding_errors_at_the_ends_are_forgiven():
    slider = ContinuousSlider((0, 0.3))
    assert slider.receive(0.1 + 0.2, eval) == 0.3
    assert ContinuousSlider((Fraction(1, 3), 1)).initial == 1 / 3
