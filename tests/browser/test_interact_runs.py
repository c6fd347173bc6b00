"""Interacts from their first run to the end of their kernel."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.interacts import (
    RANGE,
    cell,
    drag,
    enter,
    evaluate,
    output,
    part,
    said,
    until_said,
)

pytestmark = pytest.mark.browser


def test_an_update_button(reader):
    """contract: 4.7"""
    evaluate(
        reader,
        "@interact\n"
        "def f(x=ContinuousSlider((0, 10), 2, stepsize=1), auto_update=False):\n"
        "    print('x is', x)\n"
        "    print('shown')",
    )
    drag(reader, part(reader, "x", RANGE), 0.2, 0.7)
    reader.until(lambda: "sagecell_dirtyControl" in cell(reader, "x").get_attribute("class"))
    assert said(reader, "x") == "2"
    part(reader, "auto_update", "button").click()
    until_said(reader, "x", "7")
    reader.until(lambda: not reader.all(".sagecell_dirtyControl"))
    assert reader.complaints() == []


def test_an_interact_in_an_interact(reader):
    """contract: 4.18"""
    evaluate(
        reader,
        "@interact\n"
        "def outer(x=ContinuousSlider((0, 10), 2, stepsize=1)):\n"
        "    print('x is', x)\n"
        "    @interact\n"
        "    def inner(y=ContinuousSlider((0, 10), 2, stepsize=1)):\n"
        "        print('y is', x * y)\n"
        "        print('shown')",
    )
    drag(reader, part(reader, "y", RANGE), 0.2, 0.7)
    until_said(reader, "y", "14")
    drag(reader, part(reader, "x", RANGE), 0.2, 0.5)
    until_said(reader, "x", "5")
    until_said(reader, "y", "10")
    assert len(reader.all(".sagecell_interactContainer")) == 2
    drag(reader, part(reader, "y", RANGE), 0.2, 0.3)
    until_said(reader, "y", "15")
    assert reader.complaints() == []


def test_bookmarks(reader):
    """contract: 4.5"""
    evaluate(
        reader,
        "@interact\n"
        "def f(x=ContinuousSlider((0, 10), 2, stepsize=1)):\n"
        "    print('x is', x)\n"
        "    print('shown')",
    )
    reader.one(".sagecell_bookmarks summary").click()
    enter(reader, reader.one(".sagecell_bookmarkNew input"), "two", Keys.ENTER)
    drag(reader, part(reader, "x", RANGE), 0.2, 0.7)
    until_said(reader, "x", "7")
    reader.one(".sagecell_bookmarkChoose").click()
    until_said(reader, "x", "2")
    assert part(reader, "x", RANGE).get_attribute("value") == "2"


def test_a_link_brings_the_controls_back_as_they_were(reader):
    """contract: 1.1, 4.1"""
    evaluate(
        reader,
        "@interact\n"
        "def f(x=ContinuousSlider((0, 10), 2, stepsize=1)):\n"
        "    print('x is', x)\n"
        "    print('shown')",
    )
    drag(reader, part(reader, "x", RANGE), 0.2, 0.7)
    until_said(reader, "x", "7")
    for link in reader.share():
        reader.visit(link)
        reader.until(lambda: said(reader, "x") == "7")
        assert part(reader, "x", RANGE).get_attribute("value") == "7"
    assert reader.complaints() == []


def test_the_latest_value_wins(reader):
    """A slow function, a hundred values at once: it sees the first and the last; contract: 4.2."""
    evaluate(
        reader,
        "import time\n"
        "seen = []\n"
        "@interact\n"
        "def f(x=ContinuousSlider((0, 1000), 0, stepsize=1)):\n"
        "    time.sleep(0.2)\n"
        "    seen.append(x)\n"
        "    print('seen is', seen)\n"
        "    print('shown')",
    )
    reader.javascript(
        "const slider = document.querySelector('.sagecell_interactControl input[type=range]');"
        "for (let value = 1; value <= 100; value += 1) {"
        "  slider.value = value; slider.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    until_said(reader, "seen", "[0, 1, 100]")
    assert reader.complaints() == []


def test_what_nobody_knows_harms_nobody(reader):
    """Unknown ids, names and values; contract: 4.2, 4.4, 4.18."""
    evaluate(
        reader,
        "import sys\n"
        "@interact\n"
        "def f(x=ContinuousSlider((0, 10), 2, stepsize=1)):\n"
        "    say = sys._sage_.display_message\n"
        "    for id in ('nobody', '__proto__'):\n"
        "        for kind in ('update', 'new-control', 'del-control', 'bookmark', 'variable'):\n"
        "            say({f'application/sage-interact-{kind}':\n"
        "                {'interact_id': id, 'name': id, 'control': id, 'value': [[]]}})\n"
        "        say({'text/plain': 'lost'}, {'interact_id': id})\n"
        "    say({'application/sage-interact': {'new_interact_id': 'odd', 'layout': 5,\n"
        "        'controls': {'y': {'control_type': 'slider', 'range': 'no', 'default': 1e9}}}})\n"
        "    print('x is', x)\n"
        "    print('shown')",
    )
    drag(reader, part(reader, "x", RANGE), 0.2, 0.7)
    until_said(reader, "x", "7")
    assert "lost" not in reader.text(".sagecell_output")
    assert reader.complaints() == []


def test_when_the_kernel_is_gone_the_controls_say_so(reader):
    evaluate(
        reader,
        "import os\n"
        "@interact\n"
        "def f(x=ContinuousSlider((0, 10), 2, stepsize=1)):\n"
        "    print('shown')\n"
        "    if x == 7: os._exit(3)",
    )
    drag(reader, part(reader, "x", RANGE), 0.2, 0.7)
    reader.until(lambda: reader.all(".sagecell_interactEnded"))
    assert not part(reader, "x", RANGE).is_enabled()
    assert "Evaluate the cell again" in reader.text(".sagecell_interactNote")
    assert reader.complaints() == []


def test_a_mistake_in_a_box(reader):
    """`3+` typed into a box; then the plot of a number, and its alternative text."""
    evaluate(
        reader,
        "import matplotlib\n"
        "matplotlib.use('Agg')\n"
        "import matplotlib.pyplot as plt\n"
        "@interact\n"
        "def f(x=InputBox(2)):\n"
        "    plt.plot([x, 1])\n"
        "    plt.title('Fall')\n"
        "    print('x is', x)\n"
        "    print('shown')",
    )
    picture = ".sagecell_interactOutput img"
    reader.until(lambda: reader.all(picture))
    assert reader.one(picture).get_attribute("alt") == "Plot: Fall"
    enter(reader, part(reader, "x", "input"), "3+", Keys.ENTER)
    reader.until(lambda: "SyntaxError" in output(reader))
    lines = [line.strip() for line in output(reader).splitlines() if line.strip()]
    # After them come the buttons of long output, which are hidden.
    assert lines[:4] == ["Input box, line 1", "3+", "^", "SyntaxError: invalid syntax"]
    status = ".sagecell_status"
    reader.until(lambda: reader.one(status).text.endswith("Its interact failed."))
    enter(reader, part(reader, "x", "input"), "3", Keys.ENTER)
    until_said(reader, "x", "3")
    reader.until(lambda: "failed" not in reader.one(status).text)
    assert reader.complaints() == []
