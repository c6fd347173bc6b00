"""The group that kernels' groups are made in, and the reasons for using none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sagecell_tx.kernelside.forkserver import delegation
from sagecell_tx.kernelside.forkserver.cgroups import NoGroups, OwnGroups
from sagecell_tx.kernelside.forkserver.delegation import Undelegated
from tests.kernelside.hierarchy import Unit, a_unit

pytestmark = pytest.mark.integration

MOUNTS = """\
24 30 0:22 / /proc rw,nosuid - proc proc rw
25 30 0:23 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755
26 25 0:24 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
27 25 0:25 {root} /sys/fs/cgroup/unified rw,nosuid shared:9 master:1 - cgroup2 cgroup2 rw
"""


class TestFinding:
    def found(self, tmp_path: Path, group: str, root: str = "/") -> str:
        (tmp_path / "cgroup").write_text(f"4:memory:/elsewhere\n{group}")
        (tmp_path / "mountinfo").write_text(MOUNTS.format(root=root))
        return delegation.find(str(tmp_path))

    @pytest.mark.parametrize(
        ("group", "root", "directory"),
        [
            ("/a.slice/b.service", "/", "/sys/fs/cgroup/unified/a.slice/b.service"),
            ("/", "/", "/sys/fs/cgroup/unified"),
            ("/docker/abc", "/docker/abc", "/sys/fs/cgroup/unified"),
            ("/docker/abc/d", "/docker/abc", "/sys/fs/cgroup/unified/d"),
        ],
    )
    def test_the_mount_and_what_is_below_it(self, tmp_path, group, root, directory):
        assert self.found(tmp_path, f"0::{group}\n", root) == directory

    @pytest.mark.parametrize(
        ("group", "root"),
        [
            ("", "/"),  # only hierarchies of cgroup v1
            ("0::/../b.service\n", "/"),  # outside of the cgroup namespace
            ("0::/docker/abcd\n", "/docker/abc"),
            ("0::/other\n", "/docker/abc"),
        ],
    )
    def test_what_cannot_be_seen(self, tmp_path, group, root):
        with pytest.raises(Undelegated, match="not visible in any cgroup2 file system"):
            self.found(tmp_path, group, root)

    def test_no_proc(self, tmp_path):
        with pytest.raises(Undelegated, match="cannot be read: No such file"):
            delegation.find(str(tmp_path))

    def test_our_own(self):
        with a_unit() as unit:
            code = (
                "from sagecell_tx.kernelside.forkserver import delegation; print(delegation.find())"
            )
            argv = [*unit.entering(), sys.executable, "-P", "-c", code]
            assert subprocess.check_output(argv, text=True).strip() == str(unit)


class TestWhatIsWritten:
    """In a directory that looks like a group."""

    @pytest.fixture
    def group(self, tmp_path):
        group = tmp_path / "sagecell-tx.service"
        group.mkdir()
        (group / "cgroup.controllers").write_text("cpu io memory pids\n")
        (group / "cgroup.procs").write_text("")
        return group

    def take(self, group: Path, manager: str = "/none") -> OwnGroups:
        return delegation.take(str(group), ours=(17, 18), manager=manager)

    def test_the_controllers_are_turned_on(self, group):
        groups = self.take(group)
        assert (group / "cgroup.subtree_control").read_text() == "+memory +pids"
        assert groups.controllers == ("memory", "pids")
        assert groups.features == ("cgroup",)
        assert (group / "server").is_dir()
        assert os.path.samestat(os.fstat(groups.below), os.stat(group))
        groups.close()

    def test_the_server_weighs_more_than_a_kernel(self, group):
        self.take(group).close()
        assert (group / "server" / "cpu.weight").read_text() == "1000"

    def test_a_weight_that_cannot_be_had_is_no_hindrance(self, group):
        (group / "server" / "cpu.weight").mkdir(parents=True)
        self.take(group).close()
        assert (group / "cgroup.subtree_control").read_text() == "+memory +pids"

    def test_without_pids_memory_alone(self, group):
        (group / "cgroup.controllers").write_text("memory\n")
        groups = self.take(group)
        assert (group / "cgroup.subtree_control").read_text() == "+memory"
        assert not (group / "server" / "cpu.weight").exists()
        groups.close()

    def test_the_server_is_moved(self, group):
        (group / "cgroup.procs").write_text("17\n18\n")
        groups = self.take(group)
        assert (group / "server" / "cgroup.procs").read_text() in ("17", "18")
        groups.close()

    def test_a_server_that_is_in_its_place_stays(self, group):
        self.take(group).close()
        (group / "server" / "cgroup.procs").write_text("17\n")
        groups = self.take(group / "server")
        assert (group / "server" / "cgroup.procs").read_text() == "17\n"
        assert os.path.samestat(os.fstat(groups.below), os.stat(group))
        groups.close()

    def test_a_subgroup_of_another_name_is_respected(self, group):
        # As with DelegateSubgroup=.
        os.setxattr(group, "user.delegate", b"1")
        (group / "main").mkdir()
        groups = self.take(group / "main")
        assert [path.name for path in group.iterdir() if path.is_dir()] == ["main"]
        assert os.path.samestat(os.fstat(groups.below), os.stat(group))
        groups.close()

    def test_others_in_the_group_are_left_in_peace(self, group):
        (group / "cgroup.procs").write_text("17\n4711\n")
        with pytest.raises(
            Undelegated, match=r"Processes other than the server's are in .*\.service\."
        ):
            self.take(group)
        assert not (group / "server").exists()

    def test_without_memory_there_is_no_use_in_it(self, group):
        (group / "cgroup.controllers").write_text("cpu pids\n")
        with pytest.raises(Undelegated, match="has no controller 'memory'"):
            self.take(group)
        assert not (group / "server").exists()

    def test_what_is_not_there(self, tmp_path):
        with pytest.raises(Undelegated, match="cannot be used: No such file"):
            self.take(tmp_path / "gone")

    @pytest.mark.skipif(os.getuid() != 0, reason="only root may write to what is not delegated")
    def test_what_is_systemds_takes_its_mark(self, group, tmp_path):
        with pytest.raises(Undelegated, match="belongs to systemd, which has not delegated it"):
            self.take(group, manager=str(tmp_path))
        assert not (group / "server").exists()
        os.setxattr(group, "trusted.delegate" if _trusted(tmp_path) else "user.delegate", b"1")
        self.take(group, manager=str(tmp_path)).close()


def _trusted(path: Path) -> bool:
    """Whether this process can set trusted attributes."""
    try:
        os.setxattr(path, "trusted.trial", b"1")
    except OSError:
        return False
    return True


#: Takes its and its parent's group, and that of its helpers, whose pids are the last arguments;
#: prints the result, and waits for its input to end.
TAKING = """
import os, sys
from sagecell_tx.kernelside.forkserver import delegation
groups, why = delegation.groups([*map(int, sys.argv[2:])], sys.argv[1])
print(os.getppid(), os.getpid(), groups.features, why, sep=";", flush=True)
sys.stdin.read()
"""


class TestWhatLinuxDoes:
    @pytest.fixture
    def unit(self):
        with a_unit() as unit:
            yield unit

    @pytest.fixture
    def other(self, unit: Unit):
        """Another process in the unit."""
        other = subprocess.Popen([*unit.entering(), "sh", "-c", "echo; exec sleep 1000"], stdout=-1)
        assert other.stdout is not None
        other.stdout.readline()
        yield other
        other.kill()
        other.wait()
        other.stdout.close()

    def taking(self, unit: Unit, *prefix: str, helper: int | None = None) -> subprocess.Popen[str]:
        argv = [*unit.entering(), *prefix, sys.executable, "-P", "-c", TAKING, unit.controller]
        argv += [] if helper is None else [str(helper)]
        return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def test_it_moves_with_its_parent_and_the_controller_is_on(self, unit: Unit):
        # Its parent is a shell that waits for it.
        process = self.taking(unit, "sh", "-c", '"$@"; true', "sh")
        assert process.stdout is not None
        parent, own, features, why = process.stdout.readline().strip().split(";")
        assert (features, why) == ("('cgroup',)", "")
        assert int(parent) == process.pid
        assert unit.procs() == set()
        assert unit.procs("server") == {int(parent), int(own)}
        assert unit.controller in (unit.path / "cgroup.subtree_control").read_text().split()
        process.communicate("")

    def test_a_second_one_finds_its_place_taken(self, unit: Unit):
        two = 'import subprocess, sys\nfor _ in "12": subprocess.run(sys.argv[1:], input=b"")'
        process = self.taking(unit, sys.executable, "-c", two)
        told, _ = process.communicate("")
        assert [line.split(";")[2:] for line in told.splitlines()] == [["('cgroup',)", ""]] * 2
        assert unit.groups == ["server"]

    def test_a_helper_moves_with_it(self, unit: Unit, other):
        process = self.taking(unit, helper=other.pid)
        assert process.stdout is not None
        assert process.stdout.readline().strip().split(";")[2:] == ["('cgroup',)", ""]
        assert unit.procs("server") == {process.pid, other.pid}
        process.communicate("")

    def test_beside_others_it_stays_where_it_is(self, unit: Unit, other):
        process = self.taking(unit)
        assert process.stdout is not None
        why = process.stdout.readline().strip().split(";")[3]
        assert why == f"Processes other than the server's are in {unit}."
        assert unit.procs() == {process.pid, other.pid}
        assert unit.groups == []
        process.communicate("")


def test_no_groups_are_said_with_a_reason():
    groups, why = delegation.groups((), "no such controller")
    assert isinstance(groups, NoGroups)
    assert why.endswith(".")
