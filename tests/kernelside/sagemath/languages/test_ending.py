"""Programs that Sage ends, which leave no process behind."""

from __future__ import annotations

import psutil
import pytest

pytestmark = pytest.mark.sage


def test_a_program_is_gone_when_it_was_ended(cell):
    names = ("gap", "gp", "maxima", "singular")
    pids = eval(cell.value(f"[{', '.join(f'{name}.pid()' for name in names)}]"))
    kernel = psutil.Process(cell.pid)
    assert {child.pid for child in kernel.children()} == set(pids)
    for name in names:
        assert cell.run(f"{name}.quit()").reply["status"] == "ok"
    assert kernel.children() == []
    assert cell.value("gap(6)*7, gp(6)*7, maxima(6)*7, singular(6)*7") == "(42, 42, 42, 42)"


def test_one_that_is_busy_as_well(cell):
    pid = int(cell.value("singular.pid()"))
    cell.run("singular._expect.sendline('while(1) {}')")
    cell.run("singular.quit()")
    assert not psutil.pid_exists(pid)
    assert psutil.Process(cell.pid).children() == []


def test_one_that_has_ended_by_itself(cell):
    assert (
        cell.run("gap.pid(); gap._expect.sendline('quit;'); gap._expect.wait()").reply["status"]
        == "ok"
    )
    cell.run("gap.quit()")
    assert psutil.Process(cell.pid).children() == []
    assert cell.value("gap(6)*7") == "42"


def test_loading_has_left_none(server):
    children = psutil.Process(server.process.pid).children(recursive=True)
    assert [child for child in children if child.status() == psutil.STATUS_ZOMBIE] == []
