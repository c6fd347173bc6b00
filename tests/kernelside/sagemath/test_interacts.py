"""Interacts with Sage's values: the controls that defaults make, and what functions get."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sagecell_tx.kernelside.interact import NAMES
from tests.kernelside.driving import Cell
from tests.kernelside.sagemath.interacting import Shown, show

pytestmark = pytest.mark.sage

#: Names for defaults, and a function that says what it gets.
PROGRAM = """
import datetime, json, orjson
from sage.plot.colors import hue
f(x) = x^2
R.<t> = ZZ[]
F.<u> = GF(9)

def told(value):
    print(repr(value), '|', type(value).__name__)
"""


@pytest.fixture(scope="module")
def kernel(server) -> Iterator[Cell]:
    """One kernel for all tests of this module."""
    cell = server.start()
    cell.run(PROGRAM)
    yield cell
    cell.stop()


def of(kernel: Cell, default: str) -> Shown:
    """An interact whose argument `v` has this default."""
    return show(kernel, f"@interact\ndef _(v={default}):\n    told(v)")


@pytest.mark.parametrize(
    ("default", "first", "sent", "then"),
    [
        # numbers on a line
        ("(0, 10)", "0.000000000000000 | RealNumber", 2.5, "2.50000000000000 | RealNumber"),
        ("(0, 2*pi)", "0.000000000000000 | RealNumber", 1, "1.00000000000000 | RealNumber"),
        ("(0, 10, 1)", "0 | Integer", 3, "3 | Integer"),
        ("(0, 1, 0.1)", "0.000000000000000 | RealNumber", 0.3, "0.300000000000000 | RealNumber"),
        ("(0, 1, 1/4)", "0 | Rational", 3, "3/4 | Rational"),
        ("(0, pi, pi/12)", "0 | Expression", 3, "1/4*pi | Expression"),
        ("(pi/4, (0, pi))", "0.785398163397448 | RealNumber", 3, "3.00000000000000 | RealNumber"),
        ("slider(2*pi)", "0.000000000000000 | RealNumber", 1, "1.00000000000000 | RealNumber"),
        ("slider(0, 2*pi, pi/4, pi/2)", "1/2*pi | Expression", 1, "1/4*pi | Expression"),
        ("range_slider(0, 9, 1, (2, 4))", "(2, 4) | tuple", [3, 5], "(3, 5) | tuple"),
        # values
        ("(1..10)", "1 | Integer", 4, "5 | Integer"),
        ("[1..5]", "1 | Integer", 4, "5 | Integer"),
        ("srange(0, 1, 0.25)", "0.000000000000000 | RealNumber", 1, "0.250000000000000 | RealNumber"),
        ("[sin(x), cos(x)]", "sin(x) | Expression", 1, "cos(x) | Expression"),
        ("(cos, [sin, cos])", "cos | Function_cos", 0, "sin | Function_sin"),
        ("selector([1/2, pi], default=pi)", "pi | Expression", 0, "1/2 | Rational"),
        # boxes
        ("5", "5 | Integer", "2/3", "2/3 | Rational"),
        ("x^2", "x^2 | Expression", "sin(x)^2", "sin(x)^2 | Expression"),
        ("x", "x | Expression", "5", "5 | Expression"),
        ("1.5", "1.50000000000000 | RealLiteral", "2^-1", "1/2 | Rational"),
        ("oo", "+Infinity | PlusInfinity", "5", "5 | Integer"),
        ("f", "x |--> x^2 | Expression", "x^3", "x |--> x^3 | Expression"),
        ("t^2", "t^2 | Polynomial_integer_dense_flint", "2", "2 | Polynomial_integer_dense_flint"),
        ("Mod(3, 7)", "3 | IntegerMod_int", "9", "2 | IntegerMod_int"),
        ("input_box(2/3, type=RR)", "0.666666666666667 | RealNumber", "1/4",
         "0.250000000000000 | RealNumber"),
        ("input_box('x^2', type=SR)", "x^2 | Expression", "7", "7 | Expression"),
        ("input_box(1, type=QQ)", "1 | Rational", "0.5", "1/2 | Rational"),
        ("input_box(x^2, type=str)", "'x^2' | str", "x^3", "'x^3' | str"),
        # grids
        ("matrix(QQ, 2, [1, 2, 3, 4/5])[1:]", "[  3 4/5] | Matrix_rational_dense",
         [["1/2", "2"]], "[1/2   2] | Matrix_rational_dense"),
        ("vector(QQ, [1/2, 2])", "(1/2, 2) | Vector_rational_dense", [["1", "3/4"]],
         "(1, 3/4) | Vector_rational_dense"),
        ("input_grid(1, 2, default=1/2)", "[[1/2, 1/2]] | list", [["x^2", "3"]], "[[x^2, 3]] | list"),
        ("[[1/2, x]]", "[[1/2, x]] | list", [["2^3", "x^2"]],
         "[[8, x^2]] | list"),
        # others
        ("MultiSlider(2, interval=[(0, pi)])", "[0.000000000000000, 0.000000000000000] | list",
         [1, 2], "[1.00000000000000, 2.00000000000000] | list"),
        ("Button('Go', default=0, value=1/2)", "0 | Integer", True, "1/2 | Rational"),
        ("ButtonBar([1/2, pi], default=0)", "0 | Integer", 1, "pi | Expression"),
        ("ExpressionBox(x + 1)", "x + 1 | Expression", "2^x", "2^x | Expression"),
        ("checkbox(1 == 1)", "True | bool", False, "False | bool"),
        ("datetime.date(2026, 5, 1)", "datetime.date(2026, 5, 1) | date", "2026-05-02",
         "datetime.date(2026, 5, 2) | date"),
        # colours
        ("Color('red')", "RGB color (1.0, 0.0, 0.0) | Color", "#0000ff",
         "RGB color (0.0, 0.0, 1.0) | Color"),
        ("input_box(Color('red'), type=Color)", "RGB color (1.0, 0.0, 0.0) | Color", "#0000ff",
         "RGB color (0.0, 0.0, 1.0) | Color"),
        ("color_selector('chartreuse')", "RGB color (0.4980392156862745, 1.0, 0.0) | Color",
         "#000000", "RGB color (0.0, 0.0, 0.0) | Color"),
        ("color_selector(hue(0))", "RGB color (1.0, 0.0, 0.0) | Color", "#000000",
         "RGB color (0.0, 0.0, 0.0) | Color"),
    ],
)  # fmt: skip
def test_functions_get_values_of_sage(kernel, default, first, sent, then):
    """contract: 5.2, 5.3"""
    interact = of(kernel, default)
    assert interact.printed == first
    assert interact.move(v=sent) == then


def test_a_matrix_stays_in_its_ring(kernel):
    interact = show(
        kernel, "@interact\ndef _(v=matrix(F, 1, [u, 1])):\n    print(v, v.base_ring() is F)"
    )
    assert interact.printed == "[u 1] True"
    assert interact.move(v=[["u^2", "5"]]) == "[u + 1     2] True"


@pytest.mark.parametrize(
    ("default", "field", "text"),
    [
        ("(0, pi, pi/4)", "values", ["0", "pi/4", "pi/2", "3*pi/4", "pi"]),
        ("(-pi/4, 1 + pi/4, 1)", "values", ["-pi/4", "-1/4*pi + 1", "-1/4*pi + 2"]),
        ("[0.1, 0.25, 1/3]", "value_labels", ["0.1", "0.25", "1/3"]),
        ("[0.5*x, f, sqrt(2)/2]", "value_labels", ["0.5*x", "x^2", "sqrt(2)/2"]),
        ("(RDF(0.1)*3, [RDF(0.1)*3])", "value_labels", ["0.3"]),
        ("(0, 2*pi)", "range", [0.0, 6.283185307179586]),
        ("1.50", "default", "1.5"),
        ("1.0", "default", "1.0"),
        ("0.5*x^2", "default", "0.5*x^2"),
        ("f", "default", "x^2"),
        ("matrix(RR, 1, [0.1, 2])", "default", [["0.1", "2.0"]]),
    ],
)
def test_texts_read_well(kernel, default, field, text):
    assert of(kernel, default).look[field] == text


def test_descriptions_are_json_without_numbers_of_sage(kernel):
    code = """
    controls = [
        InputBox(5, width=20, height=2), InputGrid(2, 2, default=1/2, width=4),
        Selector([1, 2], nrows=1, ncols=2, width=3), ButtonBar([1, 2], ncols=1, width=4),
        DiscreteSlider([1..3], default=2), ContinuousSlider((0, pi), 1, steps=10),
        MultiSlider(2, interval=[(0, pi)], default=[1, 1/2], stepsize=[1/10]),
        MultiSlider(2, values=[[1..3]], slider_type='discrete', default=[2, 3]),
        Checkbox(1 == 1), ColorSelector((1, 0, 1/2)), Button('x', width=5),
    ]
    print({type(orjson.dumps(each.message())).__name__ for each in controls})
    """
    assert kernel.run(code).text() == "{'bytes'}\n"


def test_a_state_survives(kernel):
    code = """
    def g(self, n=(0, 10, 1), a=(0, pi, pi/4), e=x^2, m=matrix(QQ, 1, [1, 2])):
        told((n, a, e, m[0, 1]))
    one = interact(g)
    state = json.loads(json.dumps(one._state()))
    """
    result = kernel.run(code)
    assert result.text() == "(0, 0, x^2, 2) | tuple\n"
    code = "one.n, one.a, one.e, one.m = 3, pi/2, 1/x, matrix(1, [3, 1/2]); state = one._state()"
    kernel.run(code)
    assert kernel.value("state") == "{'n': 3.0, 'a': 2, 'e': '1/x', 'm': [['3', '1/2']]}"
    interact = show(kernel, "two = interact(g)")
    state = eval(kernel.value("state"))
    assert interact.move(**state) == "(3, 1/2*pi, 1/x, 1/2) | tuple"
    result = kernel.run("two._bookmark('Half', {'n': 5, 'a': 2}); two._state({'n': 5})")
    marks = [
        each["data"].get("application/sage-interact-bookmark") for each in result.of("display_data")
    ]
    assert marks[0]["values"] == {"n": 5, "a": 2}
    assert kernel.value("two.n") == "5"


def test_one_box_of_a_grid_is_set_by_integers_of_sage(kernel):
    interact = show(kernel, "g = interact(lambda v=[[1, 2], [3, 4]]: told(v))")
    result = kernel.run("g.v[0][1] = 1/2")
    (update,) = [
        each["data"]["application/sage-interact-update"] for each in result.of("display_data")
    ]
    assert (update["index"], update["value"]) == ([0, 1], "1/2")
    assert interact.move() == "[[1, 1/2], [3, 4]] | list"


@pytest.mark.parametrize(
    ("typed", "name"),
    [("1/0*x^2", "ZeroDivisionError"), ("2*nothing^2", "NameError"), ("2^)", "SyntaxError")],
)
def test_an_error_shows_what_was_typed(kernel, typed, name):
    interact = of(kernel, "5")
    interact.move(v=typed)
    assert interact.result.reply["ename"] == name
    shown = "\n".join(interact.result.of("error")[0]["traceback"])
    assert "Integer(" not in shown
    assert "**" not in shown
    assert interact.move(v="6") == "6 | Integer"


def test_what_cannot_be_converted_is_said(kernel):
    interact = of(kernel, "matrix(ZZ, 1, [1, 2])")
    interact.move(v=[["1/2", "1"]])
    assert interact.result.reply["ename"] == "TypeError"
    assert interact.move(v=[["2", "1"]]) == "[2 1] | Matrix_integer_dense"


def test_no_control_of_sage_replaces_ours(server):
    cell = server.start()
    names = ["interact", *NAMES]
    ask = f"all(globals()[name].__module__.startswith('sagecell_tx') for name in {names})"
    assert cell.value(ask) == "True"
    cell.run("interact = slider = None\nfrom sage.repl.ipython_kernel.interact import interact")
    cell.run("%reset -f")
    assert cell.value(ask) == "True"
    interact = show(cell, "@interact\ndef _(v=(0, pi, pi/2)):\n    print(v)")
    assert interact.move(v=1) == "1/2*pi"
    cell.stop()


BOX = "@interact\ndef _(v=input_box(2)):\n    print(v, type(v).__name__)\n"


@pytest.mark.parametrize(
    ("code", "options", "printed"),
    [
        (BOX, {"metadata": {"language": "python"}}, "1 int"),
        (f'exec("""{BOX}""")', {}, "1 int"),
        (BOX, {"metadata": {"language": "sage"}}, "9 Integer"),
    ],
    ids=["python", "wrapped", "sage"],
)
def test_a_box_takes_the_language_of_its_cell(kernel, code, options, printed):
    interact = show(kernel, code, **options)
    kernel.run("1", metadata={"language": "sage"})
    assert interact.move(v="3^2") == printed


def test_a_dynamic_variable_takes_the_language_of_its_cell(server):
    cell = server.start()
    code = "a = 2\ndynamic('a')\ndynamic_expression('a^2')"
    result = cell.run(code, metadata={"language": "python"})
    (box, region) = (
        data["application/sage-interact-control"]
        for data in (content["data"] for content in result.of("display_data"))
        if "application/sage-interact-control" in data
    )
    names = {"namespace": box["namespace"], "variable": "a"}
    told = {**names, "control": box["control_id"], "value": "7^2"}
    cell.result(cell.request("variable_update", **told))
    shown = cell.result(cell.request("control_update", **names, control_id=region["control_id"]))
    assert shown.of("display_data")[-1]["data"]["text/plain"] == "7"  # 5 ^ 2
    cell.stop()
