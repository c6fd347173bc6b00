"""What Sage has on a desktop and not here is a sentence, never an error from inside of Sage."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.sage


@pytest.mark.parametrize(
    ("code", "title"),
    [
        ("magma(2)", "Magma"),
        ("magma.eval('1+1')", "Magma"),
        ("%%magma\n1+1", "Magma"),
        ("maple(2)", "Maple"),
        ("mathematica(2)", "Mathematica"),
        ("mathematica.eval('1+1')", "Mathematica"),
        ("matlab.eval('1+1')", "Matlab"),
        ("scilab(2)", "Scilab"),
        ("giac(2)", "Giac"),
        ("giac.factor(x^2-1)", "Giac"),
        ("import os; os.environ['PATH'] = ''\ngraphs.PetersenGraph().tikz()", "Graphviz"),
        ("%%giac\n1+1", "Giac"),
        ("%FriCAS 1+1", "FriCAS"),
        ("import os; os.environ['PATH'] = ''\nget_ipython().run_cell_magic('R', '', '1')", "R"),
        ("qepcad('x > 0', vars='x')", "QEPCAD"),
        ("import os; os.environ['PATH'] = ''\nget_ipython().run_cell_magic('r', '', '1')", "R"),
        ("import os; os.environ['PATH'] = ''\nprint(macaulay2.eval('1'))", "Macaulay2"),
    ],
)
def test_a_program_that_is_not_there(cell, code, title):
    sentence = f"{title} is not installed on this server."
    (error,) = cell.run(code).of("error")
    assert (error["ename"], error["evalue"]) == ("NotInstalled", sentence)
    assert error["traceback"] == [f"NotInstalled: {sentence}"]
    assert cell.value("1+1") == "2"


def test_a_program_in_r_is_not_run_by_sages_own_object(cell):
    cell.run("import os; os.environ['PATH'] = ''; from sage.interfaces.r import r")
    (error,) = cell.run('print(r.eval("""1+1"""))').of("error")
    assert error["evalue"] == "R is not installed on this server."
    assert cell.value("type(r).__module__") == "'sage.interfaces.r'"


def test_a_name_of_such_a_program_is_an_object_like_others(cell):
    assert cell.value("giac") == "<Giac: not installed on this server>"
    assert cell.value("hasattr(giac, '_latex_')") == "False"


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("edit(factor)", "There is no editor here: change the program in its cell."),
        ("%edit", "There is no editor here: change the program in its cell."),
        ("notebook()", "No notebook can be started here: a cell is all there is."),
    ],
)
def test_what_opens_a_window(cell, code, sentence):
    result = cell.run(code)
    assert result.reply["ename"] == "UsageError"
    assert result.text("stderr") == f"UsageError: {sentence}\n"


def test_objects_of_a_language_that_only_runs_programs(cell):
    (error,) = cell.run("octave(2)").of("error")
    assert error["evalue"] == "Octave only runs programs here: use eval(text)."


@pytest.mark.parametrize("name", ["manual", "tutorial", "browse_sage_doc.constructions"])
def test_the_documentation_is_a_link(cell, name):
    (shown,) = cell.run(f"{name}()").of("display_data")
    assert "https://doc.sagemath.org/html/en/" in shown["data"]["text/html"]
    assert shown["data"]["text/plain"].endswith("/index.html")


def test_documentation_of_an_object_is_printed(cell):
    result = cell.run("browse_sage_doc(factor)")
    assert "Return the factorization of" in result.text()
    assert result.text("stderr") == ""


@pytest.mark.parametrize("code", ["attach('a.sage')", "%attach a.sage"])
def test_a_file_that_is_attached_is_run(cell, code):
    cell.run("open('a.sage', 'w').write('kept = 2^5')")
    assert cell.run(code).reply["status"] == "ok"
    assert cell.value("kept") == "32"


def test_an_error_of_an_attached_file_is_that_of_its_line(cell):
    result = cell.run("open('a.sage', 'w').write('kept = 2^5\\n1/0')\nattach('a.sage')")
    shown = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(result.of("error")[0]["traceback"]))
    assert "Could not get source" not in shown
    assert "base64" not in shown
    assert shown.endswith("ZeroDivisionError: rational division by zero")


def test_inspection_shows_no_path_of_the_server(cell):
    for code in ("ZZ?", "gap?", "EllipticCurve??"):
        (page,) = cell.run(code).reply["payload"]
        text = re.sub(r"\x1b\[[\d;]*m", "", page["data"]["text/plain"])
        assert re.search(r"^File: +sage/\S+$", text, re.MULTILINE)
        assert "/site-packages/" not in text
