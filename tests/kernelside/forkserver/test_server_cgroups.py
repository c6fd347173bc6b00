"""A fork server whose kernels have control groups, at each level, in the real hierarchy."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from attrs import frozen

from tests.integration.waiting import until
from tests.kernelside.confined import NOBODY, NONE, Kind, confined, kinds, with_sage
from tests.kernelside.driving import Cell, Server, alive, gone
from tests.kernelside.hierarchy import Unit, a_unit

pytestmark = pytest.mark.integration

MIB = 1 << 20


@frozen
class Grouped:
    """A fork server and its unit."""

    server: Server
    unit: Unit

    def group_of(self, cell: Cell) -> str:
        """The name of the group that a kernel reads in /proc/self/cgroup."""
        lines = cell.value("open('/proc/self/cgroup').read().splitlines()")
        (path,) = [line[3:] for line in eval(lines) if line.startswith("0::")]
        return Path(path).name


@contextmanager
def grouped(unit: Unit, kind: Kind) -> Iterator[Grouped]:
    with confined(kind, program=unit.program, first=unit.entering()) as server:
        yield Grouped(server, unit)


def delegated(unit: Unit, kind: Kind) -> Unit:
    if os.getuid() == 0 and not kind.root:
        unit.give_to(NOBODY)
    return unit


@pytest.fixture(scope="module", params=[*kinds(), NONE], ids=str)
def here(request: pytest.FixtureRequest) -> Iterator[Grouped]:
    with a_unit() as unit, grouped(delegated(unit, request.param), request.param) as here:
        yield here
    assert not unit.path.exists()


def test_it_is_said(here):
    assert here.server.ready["features"][-1] == "cgroup"
    assert here.server.ready["ungrouped"] == ""
    # Its monitor may have been forked already.
    grouped, server = here.unit.procs("server"), psutil.Process(here.server.process.pid)
    assert server.pid in grouped
    assert grouped <= {server.pid, *(child.pid for child in server.children())}


def test_a_program_is_in_the_kernels_own_group(here):
    one, other = here.server.start(), here.server.start()
    groups = {here.group_of(one), here.group_of(other)}
    assert here.unit.groups == sorted({*groups, "server"})
    assert here.unit.procs(here.group_of(one)) == {one.pid}
    one.stop()
    assert here.group_of(other) in here.unit.groups
    assert len(here.unit.groups) == 2
    other.stop()
    assert here.unit.groups == ["server"]


def test_daemons_are_in_it_and_end_with_it(here):
    cell = here.server.start()
    code = """
import os, signal
for _ in range(5):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.pause()
        os._exit(0)
    os.wait()
"""
    assert cell.run(code).reply["status"] == "ok"
    members = here.unit.procs(here.group_of(cell))
    assert len(members) == 6
    cell.stop()
    assert not any(map(alive, members))
    assert here.unit.groups == ["server"]


def test_a_program_that_is_confined_cannot_leave_it(here):
    cell = here.server.start()
    attempt = f"""
try:
    open('{here.unit}/server/cgroup.procs', 'w').close()
except OSError:
    answer = 'refused'
else:
    answer = 'let out'
answer
"""
    confined = here.server.ready["sandbox"] != "none"
    assert cell.value(attempt) == repr("refused" if confined else "let out")
    cell.stop()


def test_a_start_that_comes_to_nothing_leaves_no_group(here):
    directory = here.server.directory()
    (directory / "ipc" / "k-1").mkdir()  # a directory in the place of a socket
    assert here.server.begin(directory).ended()["status"] == 1
    assert here.unit.groups == ["server"]


def test_memory_spread_over_many_ends_it(here):

    if here.unit.controller != "memory":
        pytest.skip("on this machine the old hierarchy has the controller of memory")
    cell = here.server.start(memory_bytes=300 * MIB)
    cell.execute(
        f"import os, signal\nfor _ in range(8):\n    if os.fork() == 0:\n"
        f"        hoard = bytearray(b'x') * {100 * MIB}\n        signal.pause()\nsignal.pause()"
    )
    assert cell.exited()["reason"] == "memory"
    assert here.unit.groups == ["server"]


@pytest.fixture
def unit() -> Iterator[Unit]:
    with a_unit() as unit:
        yield unit


def test_at_the_end_all_groups_are_gone(unit, tmp_path):
    server = Server(tmp_path, program=unit.program, prefix=unit.entering())
    cells = [server.start() for _ in range(2)]
    assert len(unit.groups) == 3
    assert server.close() == 0
    assert unit.groups == ["server"]
    assert not any(alive(cell.pid) for cell in cells)
    for cell in cells:
        cell.hang_up()


@pytest.mark.sage
def test_the_programs_of_sage_are_in_it_and_end_with_it(unit):
    with grouped(unit, with_sage(NONE)) as here:
        assert here.server.ready["ungrouped"] == ""
        cell = here.server.start()
        pids = cell.value("[gap.pid(), gp.pid(), maxima.pid(), singular.pid()]")
        members = unit.procs(here.group_of(cell))
        assert {cell.pid, *eval(pids)} <= members
        cell.stop()
        assert not any(map(alive, members))
        assert unit.groups == ["server"]


def test_what_a_killed_one_has_left_the_next_one_removes(unit, tmp_path):
    first = Server(tmp_path, program=unit.program, prefix=unit.entering())
    cell = first.start()
    code = "import subprocess; subprocess.Popen(['sleep', '1000'], start_new_session=True).pid"
    daemon = int(cell.value(code))
    # Its monitor ends with it, which would kill what it has seen.
    server = psutil.Process(first.process.pid)
    (monitor,) = [child for child in server.children() if child.pid != cell.pid]
    server.suspend()
    until(lambda: server.status() == psutil.STATUS_STOPPED)
    monitor.kill()
    server.kill()
    first.close()
    assert gone(cell.pid)
    cell.hang_up()
    assert alive(daemon)
    assert len(unit.groups) == 2
    # The first one has moved the web process to `server`, so the second one starts there.
    second = Server(tmp_path, program=unit.program, prefix=unit.entering("server"))
    assert gone(daemon)
    assert unit.groups == ["server"]
    assert second.close() == 0


@pytest.mark.skipif(os.getuid() != 0, reason="takes another account to be refused")
def test_what_is_not_delegated_is_left_alone(unit):
    with grouped(unit, Kind("namespaces", False)) as here:
        told = here.server.ready
        assert told["ungrouped"] == f"{unit} cannot be used: Permission denied."
        assert "cgroup" not in told["features"]
        cell = here.server.start()
        assert cell.value("6 * 7") == "42"
        cell.stop()
    assert unit.groups == []


# --- what Linux counts, in an ordinary directory in the place of a hierarchy

LOOK_ALIKE = """
import os, sys
from sagecell_tx.kernelside.forkserver import cgroups, server
groups = cgroups.OwnGroups(os.open({path!r}, os.O_RDONLY), ("memory", "pids"))
sys.exit(server.main(sys.argv[1:], lambda helpers: (groups, "")))
"""


@pytest.fixture
def look_alike(tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    directory = tmp_path / "groups"
    directory.mkdir()
    server = Server(tmp_path, program=["-c", LOOK_ALIKE.format(path=str(directory))])
    yield server, directory
    assert server.close() == 0


def test_without_a_group_there_is_no_kernel(look_alike):
    server, directory = look_alike
    directory.rmdir()
    why = server.begin().failed()
    assert why == "Cannot fork: cannot make a control group: No such file or directory"


@pytest.mark.parametrize(
    ("events", "code", "reason"),
    [
        ("oom_kill 2", "os.kill(os.getpid(), 9)", "memory"),
        ("oom_kill 0", "os.kill(os.getpid(), 9)", None),
        ("oom_kill 2", "os._exit(0)", None),
    ],
)
def test_why_it_ended_is_read_from_its_group(look_alike, events, code, reason):
    server, directory = look_alike
    cell = server.start(memory_bytes=300 * MIB, processes=50)
    (group,) = directory.iterdir()
    assert (group / "cgroup.procs").read_text() == "0"
    assert (group / "memory.max").read_text() == str(300 * MIB)
    (group / "memory.events").write_text(f"low 0\nmax 7\n{events}\n")
    cell.execute(f"import os; {code}")
    told = cell.exited()
    assert told["reason"] == reason
    assert (told["signal"] == signal.SIGKILL) == ("kill(" in code)
    assert (group / "cgroup.kill").read_text() == "1"
