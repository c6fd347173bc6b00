"""The processes in kernels' groups, and their end: in the real hierarchy."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sagecell_tx.kernelside.system import processes
from tests.kernelside.driving import alive, gone, kill
from tests.kernelside.hierarchy import Unit, a_unit, below, entering
from tests.kernelside.limits import start

pytestmark = pytest.mark.integration

DAEMON = """
import os, signal
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        signal.pause()
    os._exit(0)
os.wait()
signal.pause()
"""


class TestWhatLinuxDoes:
    @pytest.fixture
    def unit(self):
        with a_unit() as unit:
            yield unit

    @pytest.fixture
    def family(self):
        """Starts a process and a daemon in a group; returns the process and the daemon's pid."""
        started: list[subprocess.Popen[bytes]] = []

        def start_in(entrance: int) -> tuple[subprocess.Popen[bytes], int]:
            process = subprocess.Popen(
                entering(entrance, DAEMON), pass_fds=[entrance], stdout=subprocess.PIPE
            )
            started.append(process)
            os.close(entrance)
            assert process.stdout is not None
            return process, int(process.stdout.readline())

        yield start_in
        for process in started:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()

    def test_all_that_it_started_is_in_the_group_and_is_killed(self, unit: Unit, family):
        groups = below(unit)
        process, daemon = family(groups.make(start()))
        (name,) = unit.groups
        assert unit.procs(name) >= {process.pid, daemon}
        groups.kill(1)
        groups.kill(2)
        assert gone(process.pid)
        assert gone(daemon)
        groups.close()

    def test_the_end_is_the_end_of_the_group(self, unit: Unit, family):
        groups = below(unit)
        process, daemon = family(groups.make(start()))
        groups.kill(1)
        process.wait()
        assert gone(daemon)
        assert groups.release(1) is False
        assert unit.groups == []

    def test_a_group_that_cannot_be_removed_yet_is_removed_later(self, unit: Unit):
        groups = below(unit)
        os.close(groups.make(start(1)))
        (name,) = unit.groups
        (unit.path / name / "inner").mkdir()
        groups.release(1)
        assert unit.groups == [name]
        (unit.path / name / "inner").rmdir()
        groups.release(2)
        assert unit.groups == [name]
        os.close(groups.make(start(3)))
        groups.release(3)
        assert unit.groups == []

    def test_close_waits_until_all_are_gone(self, unit: Unit, family):
        groups = below(unit)
        members = [family(groups.make(start(number))) for number in (1, 2, 3)]
        groups.close()
        assert unit.groups == []
        assert not any(alive(daemon) for _, daemon in members)

    def test_what_a_fork_server_left_is_swept(self, unit: Unit):
        dying = subprocess.Popen(
            [sys.executable, "-P", "-c", LEAVING, str(unit)], stdout=subprocess.PIPE
        )
        assert dying.stdout is not None
        with dying.stdout:
            left = int(dying.stdout.readline())
        os.mkdir(unit.path / "server")
        own = below(unit)
        os.close(own.make(start()))
        own.sweep()
        assert len(unit.groups) == 3  # its fork server is still alive
        kill(dying.pid)
        dying.wait()
        assert alive(left)
        own.sweep()
        assert gone(left)
        assert unit.groups == [f"kernel-{os.getpid()}-{processes.birth(os.getpid())}-1", "server"]
        own.close()

    def test_what_was_tried_leaves_nothing(self, unit: Unit):
        assert _attempt(unit) == "[] went well"
        assert unit.groups == []

    def test_a_group_that_nobody_can_enter_is_found_out(self, unit: Unit):
        # With a threaded group in it, new groups are invalid: no process can enter them.
        (unit.path / "threads").mkdir()
        (unit.path / "threads" / "cgroup.type").write_text("threaded")
        assert _attempt(unit) == "[] no process can enter it"
        assert unit.groups == ["threads"]
        (unit.path / "threads").rmdir()

    def test_a_limit_that_cannot_be_set_is_found_out_too(self, unit: Unit):
        assert _attempt(unit, "pids") == "[] cannot make a control group: Permission denied"
        assert unit.groups == []

    def test_only_groups_of_kernels_are_swept(self, unit: Unit):
        names = ["kernel-x-1-1", "kernel-1", "kernels-1-1-1", "other"]
        for name in names:
            (unit.path / name).mkdir()
        (unit.path / "kernel-1-1-1").mkdir()  # the pid is alive, but with another birth
        groups = below(unit)
        groups.sweep()
        assert unit.groups == sorted(names)
        groups.close()


def _attempt(unit: Unit, *controllers: str) -> str:
    """The child processes that `attempt` has left, and its result."""
    argv = [sys.executable, "-P", "-c", ATTEMPTING, str(unit), *controllers]
    return subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


ATTEMPTING = """
import os, sys
from sagecell_tx.kernelside.forkserver import cgroups
from sagecell_tx.kernelside.system import processes
answer = "went well"
try:
    cgroups.OwnGroups(os.open(sys.argv[1], os.O_RDONLY), sys.argv[2:]).attempt()
except OSError as error:
    answer = error.strerror
print(sorted(processes.children()), answer)
"""

LEAVING = """
import os, signal, subprocess, sys
from sagecell_tx.kernelside.forkserver import cgroups
from sagecell_tx.kernelside.startcommand import TRIAL
groups = cgroups.OwnGroups(os.open(sys.argv[1], os.O_RDONLY), ())
entrance = groups.make(TRIAL)
if os.fork() == 0:
    cgroups.enter(entrance)
    os.setsid()
    print(os.getpid(), flush=True)
signal.pause()
"""
