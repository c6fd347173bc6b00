"""The scheduling groups of real sessions; where Linux has none, only the computation."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from attrs import evolve

from sagecell_tx.kernelside.system import processtable
from sagecell_tx.kernelside.system.autogroups import NICE, Autogroups, give_nice, nice_for
from tests import autogroups
from tests.autogroups import nice_of_group
from tests.kernelside.driving import gone, until_asleep

WEIGHT = 1.25

#: Sessions that work until they hear SIGUSR1, and then sleep.
SESSIONS = """
import os, signal
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        working = [True]
        signal.signal(signal.SIGUSR1, lambda *_: working.clear())
        os.write(1, b".")
        while working:
            pass
        os.write(1, b".")
        while True:
            signal.pause()
signal.pause()
"""


@pytest.mark.parametrize("sessions", [1, 2, 3, 14])
def test_many_weigh_as_one(sessions):
    together = sessions / WEIGHT ** (nice_for(sessions) - NICE)
    assert 1 / WEIGHT < together <= 1


def test_there_is_an_end_to_it():
    assert nice_for(0) == NICE
    assert nice_for(10_000) == 19


@pytest.mark.integration
@pytest.mark.skipif(not autogroups.HERE, reason="Linux has no autogroups")
@pytest.mark.skipif(os.getuid() != 0, reason="without root few values may be changed at a time")
class TestRealSessions:
    @pytest.fixture
    def family(self):
        with subprocess.Popen([sys.executable, "-c", SESSIONS], stdout=subprocess.PIPE) as root:
            assert root.stdout is not None
            for _ in range(4):
                root.stdout.read(1)
            yield root
            for each in tree(root.pid):
                os.kill(each.pid, signal.SIGKILL)
                assert gone(each.pid) or each.pid == root.pid

    def test_they_are_levelled_while_they_work(self, family):
        groups = Autogroups()
        groups.level(tree(family.pid))
        before = {each.pid: each.own for each in tree(family.pid) if each.pid != family.pid}
        working = tree(family.pid)
        while any(each.own < before.get(each.pid, 0) + 0.05 for each in working[1:]):
            working = tree(family.pid)
        groups.level(working)
        own = list(before)
        assert [nice_of_group(pid) for pid in own] == [nice_for(4)] * 4
        for pid in own:
            os.kill(pid, signal.SIGUSR1)
        for _ in own:
            family.stdout.read(1)
        for pid in own:
            until_asleep(pid)
        groups.level(tree(family.pid))  # counts the work since the last call
        groups.level(tree(family.pid))
        assert [nice_of_group(pid) for pid in own] == [NICE] * 4

    def test_what_a_program_has_changed_is_set_again(self, family):
        sleeping = [each.pid for each in tree(family.pid) if each.pid != family.pid]
        for pid in sleeping:
            os.kill(pid, signal.SIGUSR1)
        for _ in sleeping:
            family.stdout.read(1)
        for pid in sleeping:
            until_asleep(pid)
        groups = Autogroups()
        for _ in range(3):
            groups.level(tree(family.pid))
        with open(f"/proc/{sleeping[-1]}/autogroup", "w") as file:
            file.write("0")
        groups.level(tree(family.pid))
        assert [nice_of_group(pid) for pid in sleeping] == [NICE] * 4

    def test_the_servers_own_is_left_alone_while_a_session_is_begun(self):
        """A process gets its session before its group: the table may be read in between."""
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:  # in this session
            before = nice_of_group(os.getpid())
            Autogroups().level([evolve(each, session=each.pid) for each in tree(child.pid)])
            give_nice(child.pid)
            assert nice_of_group(os.getpid()) == before
            assert child.stdin is not None
            child.stdin.close()

    def test_a_pid_that_is_anothers_by_now(self):
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE, start_new_session=True) as child:
            (process,) = tree(child.pid)
            Autogroups().level([evolve(process, born=process.born - 1)])
            assert nice_of_group(child.pid) == 0
            Autogroups().level([process])
            assert nice_of_group(child.pid) == NICE
            assert child.stdin is not None
            child.stdin.close()

    def test_the_servers_own_is_left_alone(self):
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:  # in this session
            before = nice_of_group(os.getpid())
            groups = Autogroups()
            groups.level(tree(child.pid))
            assert nice_of_group(os.getpid()) == before
            assert child.stdin is not None
            child.stdin.close()


def tree(root: int) -> list[processtable.Process]:
    return list(processtable.tree(root, processtable.by_parent()))
