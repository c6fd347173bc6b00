"""A fork server with Sage, and what its kernels find."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.kernelside.driving import LOADING

pytestmark = pytest.mark.sage


def test_it_forks_with_one_thread(server):
    assert len(os.listdir(f"/proc/{server.process.pid}/task")) == 1
    assert server.ready["missing"] == []
    assert server.ready["seconds"] < LOADING


def test_it_tells_what_it_has(server):
    always = {"gap", "gp", "html", "maxima", "python", "sage", "singular"}
    assert always <= set(server.ready["languages"])
    assert ("octave" in server.ready["languages"]) == (shutil.which("octave-cli") is not None)
    assert server.ready["versions"].keys() == {"python", "sage"}
    assert server.ready["versions"]["sage"].startswith("10.")


def test_a_kernel_that_ends_is_told(server):
    cell = server.start()
    assert cell.run("libgap.eval('1+1')").reply["status"] == "ok"
    assert cell.stop()["signal"] == 9


def test_a_number_of_pari_may_be_freed_in_any_thread(cell):
    result = cell.run(
        "import gc, threading\n"
        "circle = [pari('2^1000')]; circle.append(circle); del circle\n"
        "collecting = threading.Thread(target=gc.collect); collecting.start(); collecting.join()"
    )
    assert result.text("stderr") == ""


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("1+1", "2"),
        ("factor(2^128+1)", "59649589127497217 * 5704689200685129054721"),
        ("integrate(x^2, x)", "1/3*x^3"),
        ("var('y'); y", "y"),
        ("R.<a> = QQ[]; R", "Univariate Polynomial Ring in a over Rational Field"),
        ("f(t) = t^2; f(3)", "9"),
        ("[1..3]", "[1, 2, 3]"),
    ],
)
def test_a_cell_is_sage(cell, code, value):
    assert cell.value(code) == value


def test_each_language_is_sages_where_sage_has_it(cell):
    code = "{name: type(globals()[name]).__module__.partition('.')[0] for name in {names}}"
    sages = cell.value(code.replace("{names}", "('gap', 'gp', 'maxima', 'singular', 'html')"))
    assert set(eval(sages).values()) == {"sage"}
    ours = eval(cell.value(code.replace("{names}", "('octave', 'macaulay2', 'r')")))
    has_rpy2 = eval(cell.value("__import__('importlib.util').util.find_spec('rpy2') is not None"))
    assert ours["octave"] == ours["macaulay2"] == "sagecell_tx"
    assert ours["r"] == ("sage" if has_rpy2 else "sagecell_tx")


def test_no_name_of_ours_is_hidden_by_sages(cell):
    code = "interact.__module__, dynamic.__module__, sys._sage_.__module__"
    assert cell.value(code).count("sagecell_tx") == 3


def test_names_come_back_after_a_reset(cell):
    cell.run("integrate = x = gap = None")
    cell.run("%reset -f")
    assert cell.value("integrate(x, x)") == "1/2*x^2"
    assert cell.value("gap") == "Gap"
    assert cell.run("%who").text() == "Interactive namespace is empty.\n"


def test_it_counts_as_plain_kernels_do(cell):
    result = cell.run("2^3")
    assert result.reply["execution_count"] == 1
    assert cell.value("_ + 1, Out[1]") == "(9, 8)"


def test_a_failure_is_not_excused_by_a_missing_sage(cell):
    result = cell.run("no_such_name", metadata={"language": "sage"})
    assert result.reply["ename"] == "NameError"
    assert result.text("stderr") == ""


def test_limits_leave_room_for_what_sage_has_mapped(server):
    cell = server.start(memory_bytes=256 << 20)
    assert cell.value("factor(2^128+1)").startswith("59649589127497217")
    assert cell.run("a = bytearray(1 << 30)").reply["ename"] == "MemoryError"
    cell.stop()


def test_a_crash_starts_no_debugger(cell):
    code = """
import os
from cysignals.tests import unguarded_dereference_null_pointer
if os.fork() == 0:
    unguarded_dereference_null_pointer()
os.WTERMSIG(os.wait()[1]), os.listdir()
"""
    result = cell.run(code)
    assert "Unhandled SIGSEGV" in result.text("stderr")
    assert "gdb" not in result.text("stderr")
    (value,) = result.of("execute_result")
    assert value["data"]["text/plain"] == "(11, ['sagemathcell.py'])"
