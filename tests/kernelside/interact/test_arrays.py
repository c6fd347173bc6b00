"""The controls for arrays, series, ranges and dates."""

from __future__ import annotations

from collections import deque
from datetime import date, datetime, time, timedelta

import numpy
import pandas
import pytest

from sagecell_tx.kernelside.interact.arrays import TAKEN, moments
from sagecell_tx.kernelside.interact.automatic import automatic_control
from tests.kernelside.interact.recording import World

DAYS = pandas.date_range("2020-01-01", periods=3)


def seen(meant):
    """Type and subtype of the control, its labels, and the function's first value."""
    world = World()
    world.one(automatic_control(meant))
    look = world.look
    labels = look.get("value_labels") or look["values"]
    return look["control_type"], look["subtype"], labels, world.calls[0]


@pytest.mark.parametrize(
    ("meant", "expected"),
    [
        (numpy.array(["u", "v"]), ("selector", "button", ["u", "v"], "u")),
        (numpy.array(list("abcdef")), ("selector", "list", list("abcdef"), "a")),
        (numpy.array([3, 1, 2]), ("slider", "discrete", ["3", "1", "2"], 3)),
        (numpy.arange(3) / 10, ("slider", "discrete", ["0", "0.1", "0.2"], 0)),
        (numpy.array([0.1 + 0.2]), ("slider", "discrete", ["0.3"], 0.1 + 0.2)),
        (numpy.array([True, False]), ("selector", "button", ["True", "False"], True)),
        (pandas.Series(["u", "v"]), ("selector", "button", ["u", "v"], "u")),
        (pandas.Series([1.5, 2]), ("slider", "discrete", ["1.5", "2"], 1.5)),
        (pandas.Index([4, 5]), ("slider", "discrete", ["4", "5"], 4)),
        (pandas.Categorical(["x", "y"]), ("selector", "button", ["x", "y"], "x")),
        (
            DAYS,
            ("slider", "discrete", ["2020-01-01", "2020-01-02", "2020-01-03"], DAYS[0]),
        ),
        (
            numpy.array(["2020-01", "2020-02"], dtype="datetime64[M]"),
            ("slider", "discrete", ["2020-01", "2020-02"], numpy.datetime64("2020-01")),
        ),
        ({"k": 1, "l": 2}.keys(), ("selector", "button", ["k", "l"], "k")),
        ({"k": 1, "l": 2}.values(), ("slider", "discrete", ["1", "2"], 1)),
        (deque("ab"), ("selector", "button", ["a", "b"], "a")),
        pytest.param(iter("ab"), ("slider", "discrete", ["a", "b"], "a"), id="iterator"),
        ((2, numpy.array([1, 2])), ("slider", "discrete", ["1", "2"], 2)),
        (("v", numpy.array(["u", "v"])), ("selector", "button", ["u", "v"], "u")),
        ((DAYS[1], DAYS), ("slider", "discrete", [str(day)[:10] for day in DAYS], DAYS[1])),
        (
            (date(2020, 2, 28), date(2020, 3, 1)),
            ("slider", "discrete", ["2020-02-28", "2020-02-29", "2020-03-01"], date(2020, 2, 28)),
        ),
        (
            (date(2020, 1, 8), (date(2020, 1, 1), date(2020, 1, 20), timedelta(weeks=1))),
            ("slider", "discrete", ["2020-01-01", "2020-01-08", "2020-01-15"], date(2020, 1, 8)),
        ),
        (
            (datetime(2020, 1, 1), datetime(2020, 1, 1, 1), timedelta(minutes=30)),
            (
                *("slider", "discrete"),
                ["2020-01-01 00:00:00", "2020-01-01 00:30:00", "2020-01-01 01:00:00"],
                datetime(2020, 1, 1),
            ),
        ),
        (
            (numpy.datetime64("2020-01-01"), numpy.datetime64("2020-01-02")),
            ("slider", "discrete", ["2020-01-01", "2020-01-02"], numpy.datetime64("2020-01-01")),
        ),
        (
            (date(2020, 1, 1), date(2020, 2, 1), date(2020, 3, 1)),
            ("slider", "discrete", ["2020-01-01", "2020-02-01", "2020-03-01"], date(2020, 1, 1)),
        ),
    ],
    ids=str,
)
def test_all_that_gives_values_is_a_slider_or_selector(meant, expected):
    assert seen(meant) == expected


def test_the_first_of_a_pair_is_the_default_or_a_label():
    control = automatic_control(("Letter", numpy.array(["u", "v"])))
    assert (control.label, control.message()["value_labels"]) == ("Letter", ["u", "v"])


@pytest.mark.parametrize(
    ("meant", "shown", "typed", "value"),
    [
        (date(2020, 1, 2), "2020-01-02", "2021-12-31", date(2021, 12, 31)),
        (time(9, 30), "09:30:00", "10:15", time(10, 15)),
        (
            datetime(2020, 1, 2, 3),
            "2020-01-02 03:00:00",
            "2021-12-31",
            datetime(2021, 12, 31),
        ),
        (
            pandas.Timestamp("2020-01-02"),
            "2020-01-02 00:00:00",
            "2021-12-31 01:00",
            pandas.Timestamp("2021-12-31 01:00"),
        ),
        (
            numpy.datetime64("2020-01-02"),
            "2020-01-02",
            "2021-12-31",
            numpy.datetime64("2021-12-31"),
        ),
    ],
    ids=str,
)
def test_a_date_can_be_edited_again(meant, shown, typed, value):
    world = World()
    world.one(meant)
    assert (world.look["control_type"], world.look["default"]) == ("input_box", shown)
    assert world.calls == [meant]
    taken = world.send(typed)
    assert (taken, type(taken)) == (value, type(meant))
    with pytest.raises(ValueError, match="nonsense"):
        world.send("nonsense")


def test_a_grid_of_texts_stays_text():
    world = World()
    world.one(numpy.array([["u", "v"]]))
    assert world.look["default"] == [["u", "v"]]
    assert world.send([["w", "x"]]).tolist() == [["w", "x"]]


@pytest.mark.parametrize(
    ("meant", "label"),
    [
        (pandas.DataFrame({"a": [1, 2, 3], "b": list("xyz")}), "DataFrame, 3 by 2"),
        (numpy.zeros((2, 3, 4)), "ndarray, 2 by 3 by 4"),
        (numpy.zeros((200, 300)), "ndarray, 200 by 300"),
    ],
    ids=["table", "cube", "picture"],
)
def test_what_does_not_fit_a_box_is_handed_over_as_it_is(meant, label):
    world = World()
    world.one(meant)
    assert world.look["value_labels"] == [label]
    assert world.calls[0] is meant
    assert world.send(0) is meant


def test_truth_of_numpy_is_a_checkbox():
    assert automatic_control(numpy.bool_(True)).message()["control_type"] == "checkbox"


def test_there_are_bounds():
    slider = automatic_control(numpy.arange(TAKEN * 2))
    assert len(slider.message()["values"]) == TAKEN
    with pytest.raises(ValueError, match="ascending order"):
        moments((date(2020, 1, 2), date(2020, 1, 1)))
    with pytest.raises(ValueError, match="at most"):
        moments((date(1900, 1, 1), date(2020, 1, 1)))
    with pytest.raises(ValueError, match="step in time"):
        moments((date(2020, 1, 1), date(2020, 1, 3), 1))
    with pytest.raises(ValueError, match="step in time"):
        moments((date(2020, 1, 1), date(2020, 1, 3), timedelta()))
    with pytest.raises(ValueError, match="one of the choices"):
        automatic_control((date(2019, 1, 1), (date(2020, 1, 1), date(2020, 1, 3))))


def test_an_empty_array_is_a_box():
    assert automatic_control(numpy.array([])).message()["default"] == "[]"


def test_an_iterator_without_values_is_refused():
    for meant in (iter(()), (3, range(0))):
        with pytest.raises(ValueError, match="at least one choice"):
            automatic_control(meant)
