"""The names that programs find, and the documented examples of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sagecell_tx.kernelside.interact import NAMES
from sagecell_tx.kernelside.interact.controls.control import Control
from tests.kernelside.interact.recording import World

DOCUMENT = (Path(__file__).parents[3] / "docs" / "interact.rst").read_text()
EXAMPLES = re.findall(r"``([A-Z]\w+\([^`]*\))``", DOCUMENT)

CONTROLS = {
    *("Checkbox", "InputBox", "ExpressionBox", "InputGrid", "Selector", "DiscreteSlider"),
    *("ContinuousSlider", "MultiSlider", "ColorSelector", "Button", "ButtonBar", "HtmlBox"),
    "UpdateButton",
}
OLD = {
    *("slider", "range_slider", "input_box", "color_selector", "selector", "input_grid"),
    *("text_control", "checkbox"),
}


def test_all_names_are_there():
    """contract: 5.2"""
    assert set(NAMES) == CONTROLS | OLD


def test_the_document_has_an_example_of_each_control():
    assert {example.partition("(")[0] for example in EXAMPLES} == CONTROLS
    assert set(re.findall(r"``([a-z_]+)``", DOCUMENT)) >= OLD


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_controls(example):
    world = World()
    world.page.names["x"] = 1
    control = eval(example, dict(NAMES))
    assert isinstance(control, Control)
    world.one(control)
    assert world.page.errors == []
