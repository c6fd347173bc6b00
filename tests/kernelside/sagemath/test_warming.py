"""What is run before the fork succeeds, and is then quick: a cell that fails would warm nothing."""

from __future__ import annotations

import pytest

from sagecell_tx.kernelside.sagemath.warming import CELLS, FAILING

pytestmark = pytest.mark.sage


def test_no_cell_fails(cell):
    assert [code for code in CELLS if cell.run(code).reply["status"] != "ok"] == []
    assert cell.run(FAILING).reply["ename"] == "NameError"


def test_it_leaves_no_program_running(server):
    cell = server.start()
    code = "import psutil; [child.name() for child in psutil.Process().children()]"
    assert cell.value(code) == "[]"
    cell.stop()


def test_what_a_cell_imports_is_there_before_it_runs(cell):
    cell.run("import sys; known = set(sys.modules)", metadata={"language": "python"})
    for code in CELLS:
        cell.run(code)
    assert cell.value("sorted(set(sys.modules) - known)") == "[]"
