"""Programs that take all there is, at each level: they end, and nobody else does."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from sagecell_tx.hosts import trees
from tests.kernelside.confined import Kind, confined, kinds
from tests.kernelside.driving import Cell, Server, gone

pytestmark = pytest.mark.integration

MIB = 1 << 20
LIMITS = {"memory": 500 * MIB, "processes": 40, "open_files": 64, "directory": 20 * MIB}

NONE = Kind("none", True)


@pytest.fixture(scope="module", params=[*kinds(), NONE], ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    kind: Kind = request.param
    return kind


@pytest.fixture(scope="module")
def server(kind: Kind) -> Iterator[Server]:
    with confined(kind) as server:
        yield server


@pytest.fixture
def other(server: Server) -> Iterator[Cell]:
    """Another visitor's kernel, which goes on."""
    other = server.start(**LIMITS)
    yield other
    assert other.value("6 * 7") == "42"
    other.stop()


def processes_with(mark: str) -> list[int]:
    """All processes on the machine with this text in their command line."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline") as line:
                if mark in line.read():
                    found.append(int(name))
        except OSError:
            pass  # gone meanwhile
    return found


def test_memory_in_one_process(server, other):
    cell = server.start(**LIMITS)
    result = cell.run(f"hoard = bytearray({1024 * MIB})")
    assert result.reply["ename"] == "MemoryError"
    assert cell.value("1 + 1") == "2"
    cell.stop()


def test_memory_spread_over_many(server, other):
    cell = server.start(**LIMITS)
    cell.execute(
        f"import os, signal\nfor _ in range(8):\n    if os.fork() == 0:\n"
        f"        hoard = bytearray(b'x') * {100 * MIB}\n        signal.pause()\nsignal.pause()"
    )
    assert cell.exited()["reason"] == "memory"


def test_processor_time_spread_over_many(server, other):
    cell = server.start(**LIMITS, cpu=2)
    cell.execute(
        "import os, signal\nfor _ in range(3):\n    if os.fork() == 0:\n"
        "        while True: pass\nsignal.pause()"
    )
    assert cell.exited()["reason"] == "cpu"


def test_a_fork_bomb(server, other, kind):
    cell = server.start(**LIMITS, cpu=5)
    cell.execute("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass")
    # Where the system refuses to fork on, the bomb burns what time it has.
    refusing = kind != NONE or "cgroup" in server.ready["features"]
    reasons = ("processes", "cpu", "memory") if refusing else ("processes",)
    assert cell.exited()["reason"] in reasons


def test_a_daemon(server, other):
    mark = f"sleep-{uuid.uuid4()}"
    cell = server.start(**LIMITS)
    code = f"""
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sh", ["sh", "-c", "while :; do sleep 1000; done", {mark!r}])
    os._exit(0)
os.wait()
"""
    assert cell.run(code).reply["status"] == "ok"
    while not (daemons := processes_with(mark)):
        pass  # it is about to be there
    cell.stop()
    assert all(map(gone, daemons))
    assert processes_with(mark) == []


def test_a_full_directory(server, other, kind):
    cell = server.start(**LIMITS)
    code = "with open('big', 'wb') as file:\n    while True: file.write(bytes(1 << 20))"
    if kind.level == "namespaces":
        result = cell.run(code)
        assert result.reply["ename"] == "OSError"
        assert "No space left" in result.reply["evalue"]
        cell.run("import os; os.remove('big')")
        assert cell.run("open('small', 'w').write('x')").reply["status"] == "ok"
        cell.stop()
    else:
        cell.execute(code.replace("'big'", "f'{os.getpid()}'").replace("with", "import os\nwith"))
        assert cell.exited()["reason"] == "disk"


def test_files_without_end(server, other, kind):
    """Empty ones, too, and more of them than are looked at at once."""
    cell = server.start(**{**LIMITS, "directory": 40 * MIB})
    code = "import os, itertools\nfor n in itertools.count(): os.mknod(str(n))"
    if kind.level == "namespaces":
        result = cell.run(code)
        assert "No space left" in result.reply["evalue"]
        assert [path.name for path in (cell.directory / "work").iterdir()] == []
        cell.stop()
    else:
        cell.execute(code)
        assert cell.exited()["reason"] == "disk"


def test_a_tree_deeper_than_a_path(server, other, kind):
    cell = server.start(**{**LIMITS, "directory": 40 * MIB})
    code = "import os\nfor _ in range({}): os.mkdir('d'); os.chdir('d')"
    assert cell.run(code.format(3000)).reply["status"] == "ok"
    if kind.level == "namespaces":
        cell.stop()
    else:
        cell.execute(code.format(1_000_000))
        assert cell.exited()["reason"] == "disk"
    trees.remove(cell.directory)
    assert not cell.directory.exists()


#: What Linux counts for each user, as calls of the C library, taken until there are no more of them.
OF_ONE_USER = {
    "timers": "libc.timer_create(1, None, ctypes.byref(ctypes.c_void_p()))",
    "instances of inotify": "libc.inotify_init1(0)",
}


@pytest.mark.parametrize("what", OF_ONE_USER)
def test_what_linux_counts_for_each_user(server, other, kind, what):
    if kind == NONE:
        pytest.skip("there, kernels are one user")
    code = f"""
import ctypes
libc = ctypes.CDLL(None)
taken = 0
while taken < {{}} and {OF_ONE_USER[what]} >= 0:
    taken += 1
taken
"""
    cell = server.start(**{**LIMITS, "open_files": 4096})
    taken = int(cell.value(code.format(100_000)))
    assert taken <= 256
    assert other.value(code.format(2)) == "2"
    cell.stop()


def test_messages_and_memory_that_stays(server, other):
    cell = server.start(**LIMITS)
    code = "import resource; [resource.getrlimit(n) for n in (resource.RLIMIT_MEMLOCK, 12)]"
    assert cell.value(code) == "[(65536, 65536), (0, 0)]"  # 12: message queues
    cell.stop()


def test_too_large_a_file(server, other):
    cell = server.start(**LIMITS, file=1 * MIB)
    result = cell.run("open('big', 'wb').write(bytes(2 << 20))")
    assert result.reply["ename"] == "OSError"
    assert "too large" in result.reply["evalue"]
    cell.stop()


def test_too_many_open_files(server, other):
    cell = server.start(**LIMITS)
    result = cell.run("hoard = [open('/dev/null') for _ in range(100)]")
    assert result.reply["ename"] == "OSError"
    assert "Too many open files" in result.reply["evalue"]
    assert cell.value("hoard.clear() if 'hoard' in globals() else 1") == "1"
    cell.stop()
