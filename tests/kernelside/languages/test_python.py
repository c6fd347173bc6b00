"""Cells in Python: named by the request, or wrapped: the whole cell is ``exec(\"\"\"...\"\"\")``."""

from __future__ import annotations

import re
import warnings
from contextlib import suppress

import pytest

from sagecell_tx.kernelside.languages.python import Transformer, unpreparsed, wrapped_program

COLOURS = re.compile(r"\x1b\[[0-9;]*m")

#: What a visitor may set before: even so, nothing is said of our own doing.
EVERY_WARNING = "import warnings\nwarnings.simplefilter('always')"


@pytest.mark.parametrize(
    ("cell", "program"),
    [
        ('exec("""1 / 0""")', "1 / 0"),
        ('  exec("""a = 1\nprint(a)\n""")\n', "a = 1\nprint(a)\n"),
        ("exec('if a:\\n  b # c')", "if a:\n  b # c"),
        ('exec("")', ""),
        ("exec('x = 1\\r\\ny = 2\\r\\n')", "x = 1\r\ny = 2\r\n"),
    ],
)
def test_the_program_is_found(cell, program):
    """contract: 5.5"""
    assert wrapped_program(cell) == program


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "1 / 0",
        'exec("""1""", {})',
        'exec("""1"""); 2',
        'exec(b"1")',
        'eval("1")',
        'exec("""%ls""")',
        'exec("""await x""")',
        'exec("""return 1""")',
        'exec("""(""")',
        'exec("(")',
        'exec("\\0")',
        "exec('" + "(" * 5000 + "')",
        "exec('''" + "-" * 100_000 + "1''')",
        "%time exec('1')",
        "exec(",
        "exec = 1",
        "\0",
    ],
)
def test_others_have_none(cell):
    assert wrapped_program(cell) is None


def test_looking_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert wrapped_program(r'exec("""1 is 1; "\\d" """)') == r'1 is 1; "\d" '


def test_the_preparser_of_sage_is_left_out_and_comes_back():
    def preparser(lines: list[str]) -> list[str]:
        return lines

    def other(lines: list[str]) -> list[str]:
        return lines

    preparser.__module__ = "sage.repl.interpreter"
    first: list[Transformer] = [other, preparser]
    second: list[Transformer] = [preparser]
    with suppress(ZeroDivisionError), unpreparsed(first, second):
        assert (first, second) == ([other], [])
        raise ZeroDivisionError
    assert (first, second) == ([other, preparser], [preparser])


@pytest.mark.integration
class TestWrapped:
    """contract: 5.5"""

    @pytest.mark.parametrize("before", ["", EVERY_WARNING])
    def test_it_prints_and_nothing_else_is_said(self, cell, before):
        cell.run(before)
        result = cell.run('exec("""print(\\"hello\\")""")')
        assert [(m["name"], m["text"]) for m in result.of("stream")] == [("stdout", "hello\n")]

    @pytest.mark.parametrize(
        ("program", "line"),
        [("1 / 0", "----> 1 1 / 0"), ("x = 1\nx / 0\n", "----> 2 x / 0")],
    )
    def test_a_traceback_shows_the_programs_own_lines(self, cell, program, line):
        result = cell.run(f'exec("""{program}""")')
        traceback = COLOURS.sub("", "\n".join(result.reply["traceback"]))
        assert line in traceback
        assert "exec(" not in traceback
        assert "pass" not in traceback
        assert result.text("stderr") == ""

    def test_its_variables_stay(self, cell):
        cell.run('exec("""x = 1""")')
        assert cell.value("x") == "1"

    def test_no_value_is_shown_and_those_of_later_cells_are(self, cell):
        assert cell.run('exec("""6 * 7""")').of("execute_result") == []
        assert cell.value("6 * 7") == "42"

    @pytest.mark.parametrize("program", ["%ls", "import asyncio\nawait asyncio.sleep(0)"])
    def test_what_is_no_python_fails_as_it_does_in_exec(self, cell, program):
        assert cell.run(f'exec("""{program}""")').reply["ename"] == "SyntaxError"

    def test_text_that_only_looks_like_a_prompt_is_text(self, cell):
        cell.run("exec(\"\"\"x = '''\n>>> 1\n'''\"\"\")")
        assert cell.value("x") == repr("\n>>> 1\n")


@pytest.mark.integration
class TestNamed:
    """The request's metadata has the language, and the program is as it was written."""

    def test_it_has_values_magics_and_await(self, cell):
        for program, value in [
            ("6 * 7", "42"),
            ("x = %pwd\nx == __import__('os').getcwd()", "True"),
            ("import asyncio\nawait asyncio.sleep(0, 5)", "5"),
        ]:
            result = cell.run(program, metadata={"language": "python"})
            assert result.of("execute_result")[0]["data"]["text/plain"] == value
            assert result.of("stream") == []

    def test_sage_does_not_preparse_it(self, cell):
        cell.run(
            "import sys, types\n"
            "sys.modules['sage'] = types.ModuleType('sage')\n"
            "def preparser(lines): return [line.replace('^', '**') for line in lines]\n"
            "preparser.__module__ = 'sage.repl.interpreter'\n"
            "get_ipython().input_transformers_post.append(preparser)\n"
        )
        asked = {language: {"language": language} for language in ("python", "sage")}
        for language, value in [("python", "1"), ("sage", "8"), ("python", "1")]:
            result = cell.run("2^3", metadata=asked[language])
            assert result.of("execute_result")[0]["data"]["text/plain"] == value
        assert cell.run("exec('print(2^3)')").text() == "1\n"
