"""Cells in Python, as pages wrap them: the whole cell is ``exec(\"\"\"...\"\"\")``."""

from __future__ import annotations

import re
import sys
from types import ModuleType

import pytest

from sagecell_tx.kernelside.languages.python import unwrapped

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def lines(program: str) -> list[str]:
    return program.splitlines(keepends=True)


@pytest.mark.parametrize(
    ("cell", "program"),
    [
        ('exec("""1 / 0""")', "1 / 0\npass\n"),
        ('exec("""a = 1\nprint(a)\n""")\n', "a = 1\nprint(a)\n\npass\n"),
        ("exec('if a:\\n  b # c')", "if a:\n  b # c\npass\n"),
        ('exec("")', "\npass\n"),
    ],
)
def test_the_program_is_found(cell, program):
    """contract: 5.5"""
    assert "".join(unwrapped(lines(cell))) == program


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
        'exec("""(""")',
        'exec("(")',
        'exec("\\0")',
        "exec('" + "(" * 5000 + "')",
        "%time exec('1')",
        "exec(",
        "\0",
    ],
)
def test_others_are_left_alone(cell):
    assert unwrapped(lines(cell)) == lines(cell)


def test_so_are_those_of_sage(monkeypatch):
    monkeypatch.setitem(sys.modules, "sage", ModuleType("sage"))
    assert unwrapped(['exec("1")']) == ['exec("1")']


@pytest.mark.integration
class TestInAKernel:
    """contract: 5.5"""

    def test_a_traceback_shows_the_programs_own_line(self, cell):
        result = cell.run('exec("""x = 1\nx / 0\n""")')
        traceback = COLOURS.sub("", "\n".join(result.reply["traceback"]))
        assert "----> 2 x / 0" in traceback
        assert "exec(" not in traceback
        assert cell.value("x") == "1"

    def test_no_value_is_shown(self, cell):
        assert cell.run('exec("""6 * 7""")').of("execute_result") == []

    def test_what_is_no_python_fails_as_it_does_in_exec(self, cell):
        assert cell.run('exec("""%ls""")').reply["ename"] == "SyntaxError"
