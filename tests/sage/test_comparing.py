"""What is expected is told apart from everything else."""

from __future__ import annotations

import base64
import io

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.sage.cells import Cell, Expected, Update
from tests.sage.comparing import compare, differences, is_installed, matches
from tests.sage.outcomes import Outcome


def picture(kind, *frames):
    written = io.BytesIO()
    images = [Image.new("RGB", (64, 48), colour) for colour in frames]
    images[0].save(written, kind, save_all=len(images) > 1, append_images=images[1:])
    return base64.b64encode(written.getvalue()).decode()


PNG = {"image/png": picture("png", "red"), "text/plain": "Graphics object"}
GIF = {"image/gif": picture("gif", "red", "green", "blue")}
SCENE = {"text/html": '<iframe srcdoc="...three.min.js...">', "text/plain": "Graphics3d Object"}
FILE = {"text/html": '<iframe src="cell://s1.html" width="100%"></iframe>'}
FORMULA = {"text/html": r"\(\frac{1}{2}\)", "text/plain": "1/2"}


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("", " \n"),
        ("x^2 + 1", "x^2 + 1"),
        ("[1 2]\n[3 4]", "[1  2]\n[3 4]\n"),
        ("3.14...", "3.14159"),
        ("...", ""),
        ("a ... c", "a\nb\nc"),
        ("(1, ..., 3)", "(1, [2], 3)"),
    ],
)
def test_a_text_that_matches(pattern, text):
    assert matches(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("", "x"), ("x", ""), ("x^2", "x^22"), ("1.5", "1x5"), ("a...b", "abc"), ("[12]", "1")],
)
def test_a_text_that_does_not(pattern, text):
    assert not matches(pattern, text)


@given(st.text(st.characters(exclude_characters=".")))
def test_a_text_without_dots_matches_itself(text):
    assert matches(text, text)
    assert matches(f"...{text[:5]}...", text)


@pytest.mark.parametrize(
    ("expected", "outcome"),
    [
        (Expected(stdout="1"), Outcome(stdout="1\n")),
        (Expected(error="ValueError: ..."), Outcome(error="ValueError: no", traceback="x")),
        (Expected(traceback="line 1"), Outcome(traceback="File, line 1, in f")),
        (Expected(shown=[{"picture": "png", "size": [60, 50]}]), Outcome(shown=[PNG])),
        (Expected(shown=[{"also": ["text/plain"]}, {}]), Outcome(shown=[PNG, GIF])),
        (Expected(shown=[{"animation": 3}]), Outcome(shown=[GIF])),
        (Expected(shown=[{"scene": True, "text": "...3d..."}]), Outcome(shown=[SCENE])),
        (Expected(shown=[{"scene": True}]), Outcome(shown=[FILE])),
        (Expected(shown=[{"html": "iframe"}]), Outcome(shown=[SCENE])),
        (Expected(shown=[{"latex": r"\frac{1}"}]), Outcome(shown=[FORMULA])),
        (Expected(controls={"n": "slider"}), Outcome(controls={"n": "slider"})),
        (Expected(files=["a.png"]), Outcome(files=["a.png"])),
    ],
)
def test_as_expected(expected, outcome):
    assert list(differences(expected, outcome)) == []


@pytest.mark.parametrize(
    ("part", "expected", "outcome"),
    [
        ("the end", Expected(), Outcome(ended="The program used too much memory.")),
        ("stdout", Expected(), Outcome(stdout="1\n")),
        ("stderr", Expected(), Outcome(stderr="DeprecationWarning")),
        ("result", Expected(result="2"), Outcome(result="3")),
        ("error", Expected(), Outcome(error="ValueError: no")),
        ("error", Expected(error="ValueError: ..."), Outcome()),
        ("traceback", Expected(traceback="2^3"), Outcome(traceback="Integer(2)**Integer(3)")),
        ("controls", Expected(controls={"n": "slider"}), Outcome(controls={"n": "selector"})),
        ("files", Expected(), Outcome(files=["a.png"])),
        ("shown", Expected(), Outcome(shown=[PNG])),
        ("shown", Expected(shown=[{}]), Outcome()),
        ("shown 1, picture", Expected(shown=[{"picture": "svg"}]), Outcome(shown=[PNG])),
        (
            "shown 1, size",
            Expected(shown=[{"picture": "png", "size": [80, 48]}]),
            Outcome(shown=[PNG]),
        ),
        ("shown 1, animation", Expected(shown=[{"animation": 2}]), Outcome(shown=[GIF])),
        ("shown 1, animation", Expected(shown=[{"animation": 2}]), Outcome(shown=[SCENE])),
        ("shown 1, scene", Expected(shown=[{"scene": True}]), Outcome(shown=[PNG])),
        ("shown 1, scene", Expected(shown=[{"scene": True}]), Outcome(shown=[FORMULA])),
        ("shown 1, html", Expected(shown=[{"html": "<table"}]), Outcome(shown=[SCENE])),
        ("shown 1, latex", Expected(shown=[{"latex": "x"}]), Outcome(shown=[FORMULA])),
        ("shown 1, text", Expected(shown=[{"text": "1/3"}]), Outcome(shown=[FORMULA])),
        ("shown 1, also", Expected(shown=[{"also": ["text/latex"]}]), Outcome(shown=[FORMULA])),
    ],
)
def test_a_difference(part, expected, outcome):
    (difference,) = differences(expected, outcome)
    assert difference.part == part
    assert f"  {part}\n    expected  " in str(difference)


def test_updates():
    update = Update(values={"n": 3}, expected=Expected(stdout="9"))
    cell = Cell(name="a/b", code="", expected=Expected(stdout="4"), updates=(update,))
    assert list(compare(cell, [Outcome(stdout="4"), Outcome(stdout="9")])) == []
    (difference,) = compare(cell, [Outcome(stdout="4"), Outcome(stdout="8")])
    assert difference.part == "after {'n': 3}, stdout"


def test_a_program_that_is_not_installed():
    cell = Cell(name="a/b", code="", expected=Expected(), program="octave")
    said = Outcome(error="NotInstalled: Octave is not installed on this server.")
    assert not is_installed(cell, said)
    assert is_installed(cell, Outcome())
    assert is_installed(attrs.evolve(cell, program=""), said)
