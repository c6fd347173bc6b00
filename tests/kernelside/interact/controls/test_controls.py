"""Each control: its description, the wire values it accepts, what the function gets."""

from __future__ import annotations

import math
from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.kernelside.interact.controls.boxes import ExpressionBox, HtmlBox, InputBox
from sagecell_tx.kernelside.interact.controls.buttons import Button, ButtonBar, UpdateButton
from sagecell_tx.kernelside.interact.controls.checkbox import Checkbox
from sagecell_tx.kernelside.interact.controls.colors import ColorSelector
from sagecell_tx.kernelside.interact.controls.control import Control, InvalidValue
from sagecell_tx.kernelside.interact.controls.grids import InputGrid
from sagecell_tx.kernelside.interact.controls.multisliders import MultiSlider
from sagecell_tx.kernelside.interact.controls.selectors import Selector
from sagecell_tx.kernelside.interact.controls.sliders import ContinuousSlider, DiscreteSlider
from sagecell_tx.kernelside.interact.page import RequestRefused
from tests.kernelside.interact.recording import RecordingPage, World

ALL = [
    Checkbox(),
    InputBox("a"),
    InputBox(5),
    ExpressionBox("1+1"),
    InputGrid(2, 3),
    Selector(["a", "b"]),
    DiscreteSlider("abc"),
    DiscreteSlider("abc", range_slider=True),
    ContinuousSlider((0, 1)),
    ContinuousSlider((0, 10), stepsize=1),
    ContinuousSlider((0, 10), range_slider=True),
    MultiSlider(2),
    MultiSlider(2, [[1, 2], "abc"], slider_type="discrete"),
    ColorSelector(),
    Button(),
    ButtonBar("ab"),
    UpdateButton(),
    HtmlBox("<b>"),
]
each_control = pytest.mark.parametrize("control", ALL, ids=lambda c: type(c).__name__)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def evaluate(typed: str) -> object:
    return eval(typed, {})


@pytest.fixture
def world():
    return World()


# --- of all

WIRE = {
    "button",
    "button_bar",
    "checkbox",
    "color_selector",
    "html_box",
    "input_box",
    "input_grid",
    "multi_slider",
    "selector",
    "slider",
}


def test_there_are_ten_types_on_the_wire():
    """contract: 4.1, 5.2"""
    assert {control.message()["control_type"] for control in ALL} == WIRE


@each_control
def test_its_default_is_a_value(control):
    message = control.message()
    if "default" in message:
        control.receive(message["default"], evaluate)
    assert control.initial_value(evaluate) is not Ellipsis


@each_control
def test_it_looks_the_same_in_two_interacts(control):
    first, second = World(), World()
    first.one(control)
    second.one(control)
    assert first.look == second.look
    assert set(first.look) >= {"control_type", "label", "update"}


@given(st.sampled_from(ALL), json_values)
def test_whatever_a_client_sends_is_taken_or_refused(control, sent):
    with suppress(InvalidValue):
        control.receive(sent, str)


@given(st.sampled_from(ALL), json_values)
def test_what_is_refused_changes_nothing(control, sent):
    world = World(page=RecordingPage(evaluating=str))
    world.one(control)
    before = list(world.calls)
    try:
        world.send(sent)
    except RequestRefused:
        assert world.calls == before
    else:
        assert len(world.calls) == len(before) + 1


def test_labels_and_updates(world):
    world.one(Checkbox(label="Really?", update=False))
    assert world.look["label"] == "Really?"
    assert world.look["update"] is False
    with pytest.raises(TypeError, match="label must be a string"):
        Checkbox(label=5)  # type: ignore[arg-type]


def test_an_adapter_has_the_last_word(world):
    world.one(Checkbox(adapter=lambda ticked: "yes" if ticked else "no"))
    assert world.send(False) == "no"
    assert world.calls == ["yes", "no"]


def test_a_control_says_what_it_is():
    for undone in (
        lambda control: control.initial,
        lambda control: control.decode(1, evaluate),
        lambda control: control.encode(1),
    ):
        with pytest.raises(NotImplementedError):
            undone(Control())


# --- each


def test_checkbox(world):
    world.one(Checkbox(False))
    assert world.look == {
        "control_type": "checkbox",
        "default": False,
        "label": "x",
        "update": True,
    }
    assert world.send(True) is True
    for wrong in (1, "true", None):
        with pytest.raises(RequestRefused, match="True or false"):
            world.send(wrong)


def test_input_box(world):
    world.one(InputBox("a b", width=20, height=3, keypress=True))
    assert world.look == {
        "control_type": "input_box",
        "subtype": "textarea",
        "default": "a b",
        "width": 20,
        "height": 3,
        "keypress": True,
        "evaluate": False,
        "label": "x",
        "update": True,
    }
    assert world.send("1+1") == "1+1"
    with pytest.raises(RequestRefused, match="string was expected"):
        world.send(7)


def test_input_box_that_evaluates(world):
    world.page.names["y"] = 5
    world.one(InputBox(Fraction(1, 2)))
    assert world.look["default"] == "1/2"
    assert world.look["subtype"] == "input"
    assert world.calls == [Fraction(1, 2)]  # the object itself, not its evaluated text
    assert world.send("y + 1") == 6
    assert world.send(" ") is None


def test_expression_box(world):
    world.one(ExpressionBox("2*3"))
    assert world.calls == [6]
    assert world.look["control_type"] == "input_box"
    assert world.look["evaluate"] is True


def test_input_grid(world):
    world.one(InputGrid(2, 2, [[1, 2], [3, 4]], width=3))
    assert world.look == {
        "control_type": "input_grid",
        "nrows": 2,
        "ncols": 2,
        "default": [["1", "2"], ["3", "4"]],
        "width": 3,
        "evaluate": True,
        "label": "x",
        "update": True,
    }
    assert world.send([["5", "6"], ["", "1/2"]]) == [[5, 6], [None, 0.5]]
    for wrong in ([["1"]], [[1, 2], [3, 4]], "x", [["1", "2"], "34"]):
        with pytest.raises(RequestRefused):
            world.send(wrong)


@pytest.mark.parametrize("default", ["7", 7, [7, 7, 7, 7], [[7, 7], (7, 7)], [["7", 7], [7, 7]]])
def test_ways_to_fill_a_grid(default):
    grid = InputGrid(2, 2, default)
    assert grid.initial == [["7", "7"], ["7", "7"]]


def test_input_grid_of_text_and_to_value(world):
    world.one(InputGrid(1, 2, "a", evaluate=False, to_value=lambda rows: rows[0]))
    assert world.calls == [["a", "a"]]


@pytest.mark.parametrize("size", [(0, 1), (1, 0), (1000, 1000)])
def test_a_grid_has_a_sensible_size(size):
    with pytest.raises(ValueError, match="grid has at"):
        InputGrid(*size)
    with pytest.raises(ValueError, match="does not fit"):
        InputGrid(2, 2, [1, 2, 3])


def test_selector(world):
    world.one(Selector(["a", "b", "c"], "b", "button", ncols=2, width="4em"))
    assert world.look == {
        "control_type": "selector",
        "subtype": "button",
        "values": 3,
        "value_labels": ["a", "b", "c"],
        "default": 1,
        "nrows": 2,
        "ncols": 2,
        "width": "4em",
        "label": "x",
        "update": True,
    }
    assert world.calls == ["b"]
    assert world.send(2) == "c"
    assert world.send(0.0) == "a"
    for wrong in (3, -1, True, "0", 0.5, None, math.inf):
        with pytest.raises(RequestRefused):
            world.send(wrong)


def test_selector_of_pairs(world):
    world.one(Selector([(sum, "all"), (max, "most")], max))
    assert world.look["value_labels"] == ["all", "most"]
    assert world.calls == [max]


def test_selector_that_makes_no_sense():
    with pytest.raises(ValueError, match="not one of the choices"):
        Selector([1, 2], 3)
    with pytest.raises(ValueError, match="at least one choice"):
        Selector([])
    with pytest.raises(ValueError, match="type of a selector"):
        Selector([1], selector_type="dial")
    with pytest.raises(ValueError, match="at least one row"):
        Selector([1], nrows=0)
    with pytest.raises(ValueError, match="10000 choices"):
        Selector(iter(int, 1))


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [(None, None, (1, 5)), (2, None, (2, 3)), (None, 2, (3, 2)), (9, 9, (5, 9)), (2, 2, (2, 3))],
)
def test_rows_and_columns_have_room_for_all(rows, columns, expected):
    selector = Selector("abcde", nrows=rows, ncols=columns)
    assert (selector.nrows, selector.ncols) == expected


def test_values_that_are_like_no_others_are_told_apart():
    class Odd:
        def __eq__(self, other):
            raise ArithmeticError

        __hash__ = None  # type: ignore[assignment]

    first, second = Odd(), Odd()
    assert Selector([first, second], second).default == 1


def test_color_selector(world):
    world.one(ColorSelector("red", hide_input=True))
    assert world.look == {
        "control_type": "color_selector",
        "default": "#ff0000",
        "hide_input": True,
        "label": "x",
        "update": True,
    }
    assert world.send("#00FF00") == "#00ff00"
    for wrong in ("green", "#0f0", "#00ff0g", 5, "#00ff00;"):
        with pytest.raises(RequestRefused):
            world.send(wrong)


@pytest.mark.parametrize("color", ["#00f", "#0000FF", "Blue", (0, 0, 1), [0, 0, 1.0]])
def test_ways_to_name_a_color(color):
    assert ColorSelector(color).initial == "#0000ff"


@pytest.mark.parametrize("color", ["bleu", (0, 0), (0, 0, 2), 5, (None, 0, 0), (math.inf, 0, 0)])
def test_what_is_no_color(color):
    with pytest.raises(ValueError, match="not a colour"):
        ColorSelector(color)


def test_button(world):
    world.one(Button("Go", default=0, value=1, width=10))
    assert world.look == {
        "control_type": "button",
        "default": False,
        "text": "Go",
        "width": "10em",
        "label": "",
        "update": True,
    }
    assert world.calls == [0]
    assert world.send(True) == 1
    world.update({})
    assert world.calls[-1] == 0  # it was reset
    with pytest.raises(RequestRefused):
        world.send(1)


def test_button_bar(world):
    world.one(ButtonBar([1, 2, 3], default=0, nrows=3))
    assert world.look == {
        "control_type": "button_bar",
        "default": None,
        "values": 3,
        "value_labels": ["1", "2", "3"],
        "nrows": 3,
        "ncols": 1,
        "width": "",
        "label": "x",
        "update": True,
    }
    assert world.send(1) == 2
    assert world.send(None) == 0
    with pytest.raises(RequestRefused):
        world.send(3)


def test_update_button(world):
    world.one(UpdateButton())
    assert world.look["control_type"] == "button"
    assert world.look["text"] == "Update"


def test_html_box(world):
    world.one(HtmlBox("<i>x</i>"))
    assert world.look == {
        "control_type": "html_box",
        "value": "<i>x</i>",
        "label": "",
        "update": False,
    }
    assert world.calls == ["<i>x</i>"]
    with pytest.raises(RequestRefused, match="no value to set"):
        world.send("<b>")
