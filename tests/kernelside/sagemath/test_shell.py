"""What a cell's code means where Sage is: Sage's language, or Python where the request says so."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.sage

PYTHON = {"language": "python"}


def value(cell, code, **options):
    result = cell.run(code, **options)
    assert result.reply["status"] == "ok", result.reply
    return result.of("execute_result")[0]["data"]["text/plain"]


def test_a_python_cell_is_not_preparsed(cell):
    assert value(cell, "2^3, 1/2, type(1).__name__", metadata=PYTHON) == "(1, 0.5, 'int')"
    assert value(cell, "2^3, 1/2, type(1).__name__") == "(8, 1/2, 'Integer')"


def test_the_error_of_a_python_cell_is_that_of_a_plain_kernel(cell):
    result = cell.run("def f(n):\n    return 2^n / 0\n\nf(1)", metadata=PYTHON)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(result.of("error")[0]["traceback"]))
    assert shown.startswith("-" * 75 + "\nZeroDivisionError")
    assert "----> 4 f(1)" in shown
    assert "2     return 2^n / 0" in shown
    assert shown.endswith("ZeroDivisionError: division by zero")


def test_a_wrapped_program_is_plain_python(cell):
    result = cell.run('exec("""def f():\n    return 1/2\nprint(f(), 2^3)\n""")')
    assert result.text() == "0.5 1\n"
    assert result.reply["status"] == "ok"


def test_variables_of_sage_are_the_visitors(cell):
    cell.run("var('z')")
    assert cell.value("z in vars() or 'z' in globals()") == "True"


@pytest.mark.parametrize("code", ["sage: 1+1", "sage: sum([1,\n....: 1])"])
def test_prompts_are_removed(cell, code):
    assert cell.value(code) == "2"


@pytest.mark.parametrize("code", ["%%gap\n1+1", "%gap 1+1"])
def test_magics_of_sage_are_here(cell, code):
    result = cell.run(code)
    assert "2" in result.text() + str(result.of("execute_result"))


def test_a_syntax_error_of_the_preparser_is_one_of_the_cell(cell):
    result = cell.run("R.<t> = QQ{]")
    assert result.reply["ename"] == "SyntaxError"
    assert cell.value("1+1") == "2"


@pytest.mark.parametrize("line", ["2^3 / 0", "matrix(ZZ, 2, 3).inverse()", "f(t) = 1/t; f(0)"])
def test_an_error_shows_the_line_as_it_was_typed(cell, line):
    shown = "\n".join(cell.run(f"a = 2^3\n{line}").of("error")[0]["traceback"])
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert line in plain
    assert "Integer(" not in plain
    assert ".pyx" not in plain


def test_scenes_need_graphics(cell):
    reply = cell.run("threejs(1)").reply
    assert reply["ename"] == "RuntimeError"
    assert reply["evalue"] == "threejs needs a three-dimensional graphics object of Sage."
