"""Programs that Sage ends, which leave no process behind."""

from __future__ import annotations

import subprocess

import psutil
import pytest

from tests.kernelside.driving import LOADING
from tests.processtree import status_of
from tests.sagevenv import PYTHON

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


#: Loads Sage as a fork server does, and prints its children's pids, and those that it tells of.
LOAD = """
from sagecell_tx.kernelside.sagemath.environment import SageEnvironment
environment = SageEnvironment()
environment.before_import()
environment.load(())
print(open("/proc/thread-self/children").read())
print(*environment.helpers)
environment.close()
"""


def test_loading_has_left_none():
    # At once: what Sage lets end a program itself may take five seconds, and be seen or not.
    done = subprocess.run(
        [PYTHON, "-P", "-c", LOAD], capture_output=True, text=True, check=True, timeout=LOADING
    )
    children, helpers = done.stdout.splitlines()
    assert children.split() == helpers.split()


def test_a_fork_server_has_no_zombies(server):
    children = psutil.Process(server.process.pid).children(recursive=True)
    assert [child for child in children if status_of(child) == psutil.STATUS_ZOMBIE] == []
