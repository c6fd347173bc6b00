"""Variables that the visitor changes, in memory."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.kernelside.interact.controls.boxes import InputBox
from sagecell_tx.kernelside.interact.dynamics import Dynamics
from sagecell_tx.kernelside.interact.page import RequestRefused
from sagecell_tx.kernelside.userapi.namespace import InstrumentedNamespace
from tests.kernelside.interact.recording import RecordingPage

CONTROL, VARIABLE = "application/sage-interact-control", "application/sage-interact-variable"


def made():
    page, variables = RecordingPage(), InstrumentedNamespace({})
    return (
        page,
        variables,
        Dynamics(page=page, variables=variables, program=lambda c: lambda: eval(c, {}, variables)),
    )


@pytest.fixture
def parts():
    return made()


def test_controls_of_variables(parts):
    """contract: 4.6, 5.2"""
    page, variables, dynamics = parts
    dynamics.dynamic(x=(0, 10), b=True, t=("Text", "a"))
    slider, box, text = page.of(CONTROL)
    assert slider == {
        "control_type": "Slider",
        "min": 0.0,
        "max": 10.0,
        "step": 0.04,
        "label": "x",
        "value": 0.0,
        "control_id": slider["control_id"],
        "variable": ["x"],
        "namespace": dynamics.namespace,
    }
    assert (box["control_type"], text["control_type"]) == ("Checkbox", "ExpressionBox")
    assert text["label"] == "Text"
    assert variables == {"x": 0.0, "b": True, "t": "a"}
    assert page.stays == 3


def test_ways_to_say_which(parts):
    page, variables, dynamics = parts
    variables["y"] = 5
    dynamics.dynamic("y")
    dynamics.dynamic("z", (0, 1))
    assert [each["variable"] for each in page.of(CONTROL)] == [["y"], ["z"]]
    with pytest.raises(ValueError, match="dynamic variable needs"):
        dynamics.dynamic(c=[1, 2])


def test_text_is_read_in_the_language_of_its_cell(parts):
    page, variables, dynamics = parts
    page.evaluating = str.upper
    dynamics.dynamic(t=InputBox("a", evaluate=True))
    page.evaluating = str.lower
    (box,) = page.of(CONTROL)
    told = {"namespace": dynamics.namespace, "control": box["control_id"], "value": "Bb"}
    dynamics.variable_update({**told, "variable": "t"})
    assert variables == {"t": "BB"}


def test_output_follows_its_variables(parts):
    """contract: 4.6, 5.4"""
    page, variables, dynamics = parts
    dynamics.dynamic(x=(0, 10))
    dynamics.dynamic_expression("x + 1")
    slider, region = page.of(CONTROL)
    assert region["control_type"] == "OutputRegion"
    assert region["variable"] == ["x"]
    assert page.said[-1] == (region["control_id"], {"shown": 1.0})
    about = {"namespace": dynamics.namespace, "variable": "x"}
    dynamics.variable_update({**about, "control": slider["control_id"], "value": 4})
    assert page.of(VARIABLE)[-1] == {**about, "control": slider["control_id"]}
    dynamics.control_update({**about, "control_id": region["control_id"]})
    assert page.said[-2:] == [
        (region["control_id"], {"application/sage-clear": {"changed": None}}),
        (region["control_id"], {"shown": 5.0}),
    ]
    variables["x"] = 7
    assert page.of(VARIABLE)[-1] == {**about, "control": None}
    dynamics.control_update({**about, "control_id": slider["control_id"]})
    update = page.of("application/sage-interact-update")[-1]
    assert update == {"interact_id": slider["control_id"], "control": "x", "value": 7.0}


def test_an_error_is_shown_in_its_region(parts):
    page, _, dynamics = parts
    dynamics.dynamic_expression("nothing")
    assert "NameError" in page.errors[0]


anything = st.none() | st.booleans() | st.floats() | st.text() | st.lists(st.integers())


@given(anything | st.dictionaries(st.sampled_from(["control", "control_id", "value"]), anything))
def test_whatever_a_client_sends_is_refused_or_done(sent):
    page, variables, dynamics = made()
    dynamics.dynamic(x=(0, 10))
    contents = [sent]
    if isinstance(sent, dict):
        known = page.of(CONTROL)[0]["control_id"]
        contents += [
            {"namespace": dynamics.namespace, **sent},
            {"namespace": dynamics.namespace, **sent, "control": known},
        ]
    for content in contents:
        for request in (dynamics.variable_update, dynamics.control_update):
            with suppress(RequestRefused):
                request(content)
    assert 0 <= variables["x"] <= 10


def test_a_variable_that_its_control_cannot_show(parts):
    page, variables, dynamics = parts
    dynamics.dynamic(x=(0, 10))
    variables["x"] = "text"
    content = {"namespace": dynamics.namespace, "control_id": page.of(CONTROL)[0]["control_id"]}
    with pytest.raises(RequestRefused, match="must be a number"):
        dynamics.control_update(content)
