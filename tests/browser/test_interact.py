"""A visitor changes every control, by mouse and by keyboard, and sees the function's output."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tests.browser.interacts import (
    RANGE,
    clicked_at,
    drag,
    enter,
    evaluate,
    part,
    said,
    until_said,
)
from tests.browser.reader import Reader

pytestmark = pytest.mark.browser

ALL = """\
@interact
def show(
    number=ContinuousSlider((0, 10), 2, stepsize=1),
    interval=ContinuousSlider((0, 10), (2, 6), stepsize=1, range_slider=True),
    place=DiscreteSlider(["red", "green", "blue"], "green"),
    places=DiscreteSlider([1, 2, 3, 4], (2, 3), range_slider=True),
    several=MultiSlider(2, interval=[(0, 10)], stepsize=[1], default=[5, 5]),
    levels=MultiSlider(2, values=[["low", "mid", "high"]], slider_type="discrete",
                       default=["mid", "mid"]),
    check=Checkbox(True),
    line=InputBox("a", evaluate=False),
    keys=InputBox("a", keypress=True, evaluate=False),
    text=InputBox("a", height=3, evaluate=False),
    formula=ExpressionBox("1 + 1"),
    grid=InputGrid(2, 2, [[1, 2], [3, 4]]),
    chosen=Selector(["sine", "cosine", "tangent"]),
    radio=Selector(["sine", "cosine", "tangent"], selector_type="radio"),
    pushed=Selector(["sine", "cosine", "tangent"], selector_type="button"),
    button=Button("Press", value="pressed", default="not pressed", label="button"),
    bar=ButtonBar(["back", "forward"], default="none"),
    colour=ColorSelector("#0000ff", sage_mode=False),
    html=HtmlBox("Some <b>bold</b> words"),
):
    for name, value in list(locals().items()):
        print(name, "is", repr(value))
    print("shown")
"""


@pytest.fixture(scope="module")
def visitor(shared_reader: Reader) -> Reader:
    """A reader of one interact with every control, which the tests share."""
    shared_reader.start_afresh()
    evaluate(shared_reader, ALL)
    shared_reader.until(lambda: said(shared_reader, "number") == "2")
    return shared_reader


BY_MOUSE: dict[str, tuple[Callable[[Reader], object], str, str]] = {
    "slider": (lambda r: drag(r, part(r, "number", RANGE), 0.2, 0.7), "number", "7"),
    "slider, typed": (
        lambda r: enter(r, part(r, "number", "input[type=number]"), "4", Keys.ENTER),
        "number",
        "4",
    ),
    "range, upper": (
        lambda r: drag(r, part(r, "interval", RANGE, 1), 0.6, 0.9),
        "interval",
        "(2, 9)",
    ),
    "range, lower": (
        lambda r: drag(r, part(r, "interval", RANGE, 0), 0.2, 0.4),
        "interval",
        "(4, 9)",
    ),
    "discrete slider": (lambda r: drag(r, part(r, "place", RANGE), 0.5, 1), "place", "'blue'"),
    "discrete range": (
        lambda r: drag(r, part(r, "places", RANGE, 0), 1 / 3, 0),
        "places",
        "(1, 3)",
    ),
    "multi slider": (
        lambda r: clicked_at(r, part(r, "several", RANGE, 1), 0.5, 0.02),
        "several",
        "[5, 10]",
    ),
    "discrete multi slider": (
        lambda r: clicked_at(r, part(r, "levels", RANGE, 0), 0.5, 0.98),
        "levels",
        "['low', 'mid']",
    ),
    "checkbox": (lambda r: part(r, "check", "input").click(), "check", "False"),
    "label of the checkbox": (lambda r: part(r, "check", "label").click(), "check", "True"),
    "input box": (
        lambda r: enter(r, part(r, "line", "input"), "naïve 文", Keys.ENTER),
        "line",
        "'naïve 文'",
    ),
    "input box at each key": (lambda r: enter(r, part(r, "keys", "input"), "ab"), "keys", "'ab'"),
    "textarea": (
        lambda r: enter(r, part(r, "text", "textarea"), "b", Keys.TAB),
        "text",
        "'b'",
    ),
    "expression": (
        lambda r: enter(r, part(r, "formula", "input"), "6 * 7", Keys.ENTER),
        "formula",
        "42",
    ),
    "input grid": (
        lambda r: enter(r, part(r, "grid", "input", 3), "5", Keys.ENTER),
        "grid",
        "[[1, 2], [3, 5]]",
    ),
    "list": (
        lambda r: Select(part(r, "chosen", "select")).select_by_index(2),
        "chosen",
        "'tangent'",
    ),
    "radio": (lambda r: part(r, "radio", "label", 1).click(), "radio", "'cosine'"),
    "buttons": (lambda r: part(r, "pushed", "input", 2).click(), "pushed", "'tangent'"),
    "button": (lambda r: part(r, "button", "button").click(), "button", "'pressed'"),
    "button bar": (lambda r: part(r, "bar", "button", 1).click(), "bar", "'forward'"),
    "colour": (
        lambda r: enter(r, part(r, "colour", ".sagecell_colorCode"), "#ff8000", Keys.ENTER),
        "colour",
        "'#ff8000'",
    ),
}

#: The accessible name, the keys to press there, and the value that the function gets.
BY_KEYBOARD: dict[str, tuple[str, tuple[str, ...], str, str]] = {
    "slider": ("number", (Keys.HOME, Keys.ARROW_RIGHT), "number", "1"),
    "range, lower": ("interval, from", (Keys.HOME,), "interval", "(0, 9)"),
    "range, upper": ("interval, to", (Keys.HOME,), "interval", "(0, 0)"),
    "discrete slider": ("place", (Keys.HOME,), "place", "'red'"),
    "discrete range": ("places, to", (Keys.END,), "places", "(1, 4)"),
    "multi slider": ("several 1", (Keys.ARROW_UP,), "several", "[6, 10]"),
    "discrete multi slider": ("levels 2", (Keys.ARROW_UP,), "levels", "['low', 'high']"),
    "checkbox": ("check", (Keys.SPACE,), "check", "False"),
    "input box": ("line", (Keys.END, "z", Keys.ENTER), "line", "'naïve 文z'"),
    "input box at each key": ("keys", (Keys.END, "c"), "keys", "'abc'"),
    "textarea": ("text", (Keys.END, Keys.ENTER, "c", Keys.TAB), "text", "'b\\nc'"),
    "input grid": (
        "grid, row 1, column 2",
        (Keys.END, "0", Keys.TAB),
        "grid",
        "[[1, 20], [3, 5]]",
    ),
    "list": ("chosen", (Keys.ARROW_UP,), "chosen", "'cosine'"),
    "radio": ("cosine", (Keys.ARROW_DOWN,), "radio", "'tangent'"),
    "buttons": ("tangent", (Keys.ARROW_LEFT,), "pushed", "'cosine'"),
    "button": ("Press", (Keys.SPACE,), "button", "'pressed'"),
    "button bar": ("back", (Keys.ENTER,), "bar", "'back'"),
    "colour": ("colour, code", (Keys.END, Keys.BACKSPACE, "f", Keys.ENTER), "colour", "'#ff800f'"),
}


def reach(reader: Reader, name: str, within: str) -> None:
    """Press Tab until an element of a control with this accessible name has the focus."""
    reader.javascript("document.querySelector('.sagecell_evalButton').focus()")
    script = (
        "const active = document.activeElement;"
        "return active.closest('[data-name]')?.dataset.name === arguments[0] ? active : null"
    )
    for _ in range(100):
        reader.press(Keys.TAB)
        active = reader.javascript(script, within)
        if active is not None and active.accessible_name == name:
            return
    raise AssertionError(f"Tab reaches nothing that is called {name} in {within}")


@pytest.mark.parametrize("control", BY_MOUSE)
def test_each_control_by_mouse(visitor, control):
    """contract: 4.1, 4.2, 4.18, 8"""
    move, name, value = BY_MOUSE[control]
    move(visitor)
    until_said(visitor, name, value)
    assert visitor.complaints() == []


@pytest.mark.parametrize("control", BY_KEYBOARD)
def test_each_control_by_keyboard(visitor, control):
    """contract: 4.1, 4.2"""
    called, keys, name, value = BY_KEYBOARD[control]
    reach(visitor, called, name)
    for key in keys:
        visitor.press(key)
    until_said(visitor, name, value)
    assert visitor.complaints() == []


def test_html_is_shown_and_runs_take_presses_back(visitor):
    assert part(visitor, "html", "b").text == "bold"
    visitor.press(Keys.TAB)
    drag(visitor, part(visitor, "number", RANGE), 0.1, 0.3)
    until_said(visitor, "number", "3")
    until_said(visitor, "button", "'not pressed'")
    until_said(visitor, "bar", "'none'")


def test_how_it_looks(visitor):
    for width in (1100, 390, 360):
        with visitor.on_screen(width, 800, mobile=width < 500):
            page = "document.documentElement"
            assert visitor.javascript(f"return {page}.scrollWidth - {page}.clientWidth") == 0
    visitor.keep_picture("interact-light", width=1100)
    with visitor.by_night():
        visitor.keep_picture("interact-dark", width=1100)
    visitor.keep_picture("interact-phone", width=390, mobile=True)
