"""Relations between real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from sagecell_tx.kernelside.system import processes
from tests.kernelside.driving import gone

pytestmark = pytest.mark.integration


def test_children_are_known_also_when_dead():
    child = subprocess.Popen(["true"])
    assert child.pid in processes.children()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert child.pid in processes.children()
    child.wait()
    assert child.pid not in processes.children()


def test_a_process_is_known_by_its_birth():
    child = subprocess.Popen(["sleep", "1000"])
    birth, own = processes.birth(child.pid), processes.birth(os.getpid())
    assert birth is not None
    assert own is not None
    assert own <= birth == processes.birth(child.pid)
    child.kill()
    child.wait()
    assert processes.birth(child.pid) is None


def test_a_group_is_signalled_and_who_has_none_too():
    leader = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    single = subprocess.Popen(["sleep", "1000"])
    for child in (leader, single):
        processes.kill_group(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL


def test_one_thread_at_least():
    assert processes.threads() >= 1


DYING = """
import os, sys, signal
from sagecell_tx.kernelside.system import processes
parent = os.getpid()
if (child := os.fork()) == 0:
    processes.die_with(parent)
    print(os.getpid(), flush=True)
    signal.pause()
signal.pause()
"""


def test_the_death_of_a_parent():
    parent = subprocess.Popen([sys.executable, "-P", "-c", DYING], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
        assert gone(child)


def test_a_parent_that_was_gone_already():
    code = "from sagecell_tx.kernelside.system import processes; processes.die_with(1 << 21)"
    assert subprocess.run([sys.executable, "-P", "-c", code]).returncode == -signal.SIGKILL
