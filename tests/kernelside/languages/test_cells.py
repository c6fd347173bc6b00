"""Cells in other languages, as a page wraps them, in a real kernel."""

from __future__ import annotations

import os
import time

import pytest

from sagecell_tx.kernelside.languages import NAMES
from tests.kernelside.driving import Server, gone

pytestmark = pytest.mark.integration

#: Stands for GP: prints its input, draws as R does, and interrupts the kernel on request.
SCRIPT = """#!/bin/sh
code=$(cat)
case "$code" in
draw) printf picture >Rplot001.png; printf text >a.txt ;;
interrupt) echo $$ >pid; kill -INT $PPID; exec sleep 600 ;;
*) echo "$code" ;;
esac
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    programs = tmp_path_factory.mktemp("programs")
    (programs / "gp").write_text(SCRIPT)
    (programs / "gp").chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    server = Server(tmp_path_factory.mktemp("languages"), environment={**os.environ, "PATH": path})
    yield server
    assert server.close() == 0


def test_a_cell_of_another_language(cell):
    """contract: 5.5"""
    assert cell.run('print(gp.eval("""1 + "1\\n2"""))').text() == '1 + "1\n2\n'


def test_html_is_shown(cell):
    """contract: 5.5, 4.8"""
    result = cell.run('html("""<b>x</b>""")')
    assert result.of("display_data")[0]["data"]["text/html"] == "<b>x</b>"


def test_the_names_are_nobodys_variables_and_outlive_a_reset(cell):
    assert cell.run("%who").text() == "Interactive namespace is empty.\n"
    cell.run("gp = 1")
    assert cell.value("gp") == "1"
    cell.run("%reset -f")
    for name in NAMES:
        assert cell.value(f"callable(getattr({name}, 'eval', {name}))") == "True"


def test_a_missing_program_is_one_sentence(cell):
    result = cell.run("import os\nos.environ['PATH'] = ''\ngap.eval('1')")
    (error,) = result.of("error")
    assert error["evalue"] == "GAP is not installed on this server."
    assert error["traceback"] == ["NotInstalled: GAP is not installed on this server."]


def test_pictures_are_shown_and_other_files_are_listed(cell):
    """contract: 4.10, 4.19"""
    result = cell.run("gp.eval('draw')")
    (shown,) = [c["data"] for c in result.of("display_data")]
    name, _, number = shown["text/image-filename"].partition("?m=")
    assert (name, shown["text/plain"]) == ("Rplot001.png", "Rplot001.png")
    assert int(number) <= time.time_ns()
    assert result.reply["payload"][0]["new_files"] == ["a.txt"]
    names = {c["name"] for c in result.of("sagecell_file")}
    assert names == {"Rplot001.png", "a.txt"}


def test_an_interrupt_ends_the_program_and_the_session_goes_on(cell):
    result = cell.run("gp.eval('interrupt')")
    assert result.reply["ename"] == "KeyboardInterrupt"
    assert gone(int((cell.work / "pid").read_text()))
    assert cell.value("gp.eval('42')") == "'42'"
