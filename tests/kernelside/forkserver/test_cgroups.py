"""The files that kernels' groups read and write, tested in an ordinary directory."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.kernelside.forkserver.cgroups import NoGroups, OwnGroups
from sagecell_tx.kernelside.system import processes
from tests.kernelside.hierarchy import a_unit, below, enter, entering
from tests.kernelside.limits import start

pytestmark = pytest.mark.integration


class TestWhatIsWritten:
    def made(self, directory: Path, groups: OwnGroups, **limits: float) -> dict[str, str]:
        """The files of the only group."""
        os.close(groups.make(start(**limits)))
        (group,) = directory.iterdir()
        return {path.name: path.read_text() for path in group.iterdir()}

    def test_the_limits(self, tmp_path):
        groups = below(tmp_path, "memory", "pids")
        assert self.made(tmp_path, groups, memory_bytes=1 << 30, processes=100) == {
            "memory.max": "1073741824",
            "memory.swap.max": "0",
            "memory.oom.group": "1",
            "pids.max": "100",
            "cgroup.procs": "",
        }

    def test_without_a_controller_nothing_of_it(self, tmp_path):
        groups = below(tmp_path, "memory")
        files = self.made(tmp_path, groups, memory_bytes=1 << 30, processes=100)
        assert files.keys() == {
            "memory.max",
            "memory.swap.max",
            "memory.oom.group",
            "cgroup.procs",
        }

    def test_without_controllers_nothing_is_limited(self, tmp_path):
        groups = below(tmp_path)
        assert self.made(tmp_path, groups).keys() == {"cgroup.procs"}

    def test_who_enters_says_so_itself(self, tmp_path):
        groups = below(tmp_path)
        entrance = groups.make(start())
        assert enter(entrance).returncode == 0
        (group,) = tmp_path.iterdir()
        assert (group / "cgroup.procs").read_text() == "0"
        os.close(entrance)

    def test_names_are_those_of_the_fork_server_and_the_kernels_number(self, tmp_path):
        one, other = below(tmp_path), below(tmp_path)
        for number in (1, 2):
            os.close(one.make(start(number)))
        names = sorted(path.name for path in tmp_path.iterdir())
        birth = processes.birth(os.getpid())
        assert names == [f"kernel-{os.getpid()}-{birth}-{number}" for number in (1, 2)]
        with pytest.raises(FileExistsError):  # one `OwnGroups` for each fork server
            other.make(start())

    def test_no_group_is_no_kernel(self, tmp_path):
        directory = tmp_path / "removed"
        directory.mkdir()
        groups = below(directory)
        directory.rmdir()
        with pytest.raises(OSError, match="cannot make a control group: No such file"):
            groups.make(start())
        assert groups.release(1) is False

    def test_a_limit_that_cannot_be_set_is_no_kernel_and_leaves_nothing(self):
        # The controller is not enabled, so there is no such file.
        with a_unit() as unit:
            groups = below(unit, "pids")
            with pytest.raises(OSError, match="cannot make a control group"):
                groups.make(start(processes=3))
            assert len(unit.groups) == 1
            assert groups.release(1) is False
            assert unit.groups == []


class TestMemory:
    def released(self, tmp_path: Path, events: bytes | None) -> bool:
        groups = below(tmp_path)
        os.close(groups.make(start()))
        (group,) = tmp_path.iterdir()
        if events is not None:
            (group / "memory.events").write_bytes(events)
        return groups.release(1)

    @pytest.mark.parametrize(
        ("events", "ran_out"),
        [
            (b"low 0\nhigh 0\nmax 12\noom 1\noom_kill 3\noom_group_kill 1\n", True),
            (b"low 0\nhigh 0\nmax 12\noom 1\noom_kill 0\noom_group_kill 0\n", False),
            (b"oom_group_kill 5\n", False),
            (b"oom_kill\n", False),
            (b"oom_kill many\n", False),
            (b"", False),
            (b"\xff", False),
            (None, False),
        ],
    )
    def test_whether_it_ran_out(self, tmp_path, events, ran_out):
        assert self.released(tmp_path, events) is ran_out

    @given(st.dictionaries(st.from_regex(r"[a-z_]{1,20}", fullmatch=True), st.integers(0, 2**64)))
    def test_it_is_one_number_among_many(self, tmp_path_factory, counts):
        events = "".join(f"{name} {count}\n" for name, count in counts.items()).encode()
        directory = tmp_path_factory.mktemp("group")
        assert self.released(directory, events) is (counts.get("oom_kill", 0) > 0)

    def test_who_has_no_group_has_not(self, tmp_path):
        assert below(tmp_path).release(1) is False


def test_the_time_of_a_group_can_be_read_while_it_is_there(tmp_path):
    groups = below(tmp_path)
    os.close(groups.make(start()))
    assert groups.usage(1) is None
    (group,) = tmp_path.iterdir()
    (group / "cpu.stat").write_text("usage_usec 7\n")
    usage = groups.usage(1)
    assert usage is not None
    assert os.read(usage, 100) == b"usage_usec 7\n"
    os.close(usage)
    assert groups.usage(2) is None


def test_linux_counts_the_time_of_those_that_nobody_waited_for():
    code = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
if os.fork() == 0:
    while time.process_time() < 0.2: pass
    os._exit(0)
try: os.wait()
except ChildProcessError: pass
"""
    with a_unit() as unit:
        groups = below(unit)
        entrance = groups.make(start())
        subprocess.run(entering(entrance, code), pass_fds=[entrance], check=True)
        os.close(entrance)
        usage = groups.usage(1)
        assert usage is not None
        assert int(os.read(usage, 100).split()[1]) >= 200_000
        os.close(usage)
        groups.close()


def test_where_there_are_none_nothing_happens():
    groups = NoGroups()
    assert groups.usage(1) is None
    entrance = groups.make(start())
    assert enter(entrance).returncode == 0
    os.close(entrance)
    groups.kill(1)
    assert groups.release(1) is False
    groups.close()


def test_who_cannot_enter_is_no_more():
    wrong = os.open(os.devnull, os.O_RDONLY)
    entered = enter(wrong)
    os.close(wrong)
    assert entered.returncode == 1
    assert entered.stderr.startswith("a kernel cannot enter its group: ")
