"""Programs that exhaust a resource, at each level: they end, and no other kernel does."""

from __future__ import annotations

import os
import resource
import textwrap
import uuid
from collections.abc import Iterator

import pytest
from pyseccomp import Arch, resolve_syscall

from sagecell_tx.hosts.directories import rmtree
from sagecell_tx.kernelside.system import processtable
from sagecell_tx.kernelside.system.autogroups import NICE, nice_for
from tests import autogroups
from tests.autogroups import nice_of_group
from tests.integration.waiting import until
from tests.kernelside.confined import ALL, at_each
from tests.kernelside.driving import Cell, Server, gone

pytestmark = [pytest.mark.integration, at_each(ALL)]

MIB = 1 << 20
LIMITS = {"memory_bytes": 500 * MIB, "processes": 40, "open_files": 64, "directory_bytes": 20 * MIB}

#: The system call that ends one thread.
EXIT = resolve_syscall(Arch.NATIVE, "exit")


@pytest.fixture
def other(server: Server) -> Iterator[Cell]:
    """Another session's kernel, which has to survive."""
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
            pass  # ended meanwhile
    return found


def end_of(cell: Cell, code: str) -> object:
    """The reason of a program's end, or ``refused`` if the system refused it the resource."""
    attempt = textwrap.indent(code, "    ")
    cell.execute(
        f"import os, signal\ntry:\n{attempt}\nexcept OSError:\n    os._exit(7)\nsignal.pause()"
    )
    event = cell.exited()
    return "refused" if event["status"] == 7 else event["reason"]


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


def test_what_nothing_bounds_is_said(server, kind):
    told = {
        "namespaces": ["pipes"],
        "account": ["pipes", "sockets"],
        "none": ["descriptors", "pipes", "sockets", "system_v"],
    }
    grouped = "cgroup" in server.ready["features"]
    unseen = [] if kind.root and os.getuid() == 0 else ["mappings"]
    assert server.ready["unbounded"] == ([] if grouped else told[kind.level] + unseen)


def test_memory_of_processes_whose_first_thread_has_ended(server, other):
    """/proc/<pid> of such a process reports no memory."""
    cell = server.start(**{**LIMITS, "processes": 60})
    code = f"""
import ctypes, os, signal, threading, time
def hoard():
    time.sleep(0.1)  # so that the first one has ended, which need not be so for the test to pass
    held = bytearray(b"x") * {150 * MIB}
    signal.pause()
for _ in range(8):
    if os.fork() == 0:
        threading.Thread(target=hoard).start()
        ctypes.CDLL(None).syscall({EXIT}, 0)
signal.pause()
"""
    assert end_of(cell, code) == "memory"


def test_shared_memory_whose_pages_were_let_go(server, other, kind):
    if "mappings" in server.ready["unbounded"]:
        pytest.skip("only root is told what is behind a mapping")
    cell = server.start(**{**LIMITS, "memory_bytes": 256 * MIB})
    code = f"""
import mmap
hoard = []
for _ in range(20):
    hoard.append(mmap.mmap(-1, {20 * MIB}))
    for at in range(0, {20 * MIB}, {MIB}):
        hoard[-1][at:at + {MIB}] = bytes({MIB})
        hoard[-1].madvise(mmap.MADV_DONTNEED, at, {MIB})
"""
    assert end_of(cell, code) == "memory"


def test_memory_in_answers_of_linux(server, other, kind):
    if kind.level != "namespaces":
        pytest.skip("there is no such socket")
    cell = server.start(**{**LIMITS, "memory_bytes": 256 * MIB, "open_files": 4000})
    code = """
import socket, struct
wrong = struct.pack("=IHHII", 3016, 0x7F0, 5, 1, 0) + bytes(3000)
hoard = []
for _ in range(2000):
    asking = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    asking.bind((0, 0))
    hoard.append(asking)
    for _ in range(100):
        try:
            asking.send(wrong)
        except OSError:
            break
"""
    assert end_of(cell, code) == "memory"


@pytest.mark.parametrize(
    "call", ["os.splice(file, os.pipe()[1], 1, offset_src=0)", "os.sendfile(end, file, 0, 1)"]
)
def test_memory_of_which_sockets_have_a_byte_of_each_page(server, other, kind, call):
    if kind.level == "none":
        pytest.skip("only a filter of system calls keeps a program from that")
    cell = server.start(**LIMITS)
    code = f"""
import socket
end = socket.socketpair()[0].fileno()
file = os.open("file", os.O_RDWR | os.O_CREAT)
os.write(file, bytes(4096))
{call}
"""
    assert end_of(cell, code) == "refused"


def test_terminals(server, other, kind):
    """Linux has 3,072 for all kernels together."""
    if kind.level != "namespaces":
        pytest.skip("only there it has terminals of its own")
    cell = server.start(**{**LIMITS, "open_files": 4000})
    code = """
import os
hoard = []
try:
    while True:
        hoard.append(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY))
except OSError:
    pass
"""
    assert cell.run(code).reply["status"] == "ok"
    assert cell.value("len(hoard)") == "32"
    assert other.run("import pty; pty.openpty()").reply["status"] == "ok"
    cell.stop()


def test_memory_in_files_that_nobody_maps(server, other, kind):
    cell = server.start(**{**LIMITS, "memory_bytes": 256 * MIB})
    code = """
hoard = []
for _ in range(24):
    hoard.append(os.memfd_create("hoard"))
    for _ in range(50):
        os.write(hoard[-1], bytes(1 << 20))
"""
    assert end_of(cell, code) == ("memory" if kind.level == "none" else "refused")


def test_memory_in_files_of_its_own_that_are_sent_and_closed(server, other, kind):
    if kind.level == "none":
        pytest.skip("only a filter of system calls keeps a program from that")
    cell = server.start(**{**LIMITS, "memory_bytes": 256 * MIB})
    code = """
import socket
ends = socket.socketpair()
for _ in range(24):
    file = os.memfd_create("hoard")
    for _ in range(50):
        os.write(file, bytes(1 << 20))
    socket.send_fds(ends[0], [b"x"], [file])
    os.close(file)
"""
    assert end_of(cell, code) == "refused"


def test_memory_in_detached_segments(server, other, kind):
    if kind.level == "none":
        pytest.skip("without a namespace or a filter they are the whole machine's")
    cell = server.start(**{**LIMITS, "memory_bytes": 256 * MIB})
    code = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
for _ in range(10):
    segment = libc.shmget(0, ctypes.c_size_t({100 * MIB}), 0o1600)
    if segment < 0:
        raise OSError(ctypes.get_errno(), "shmget")
    address = ctypes.c_void_p(libc.shmat(segment, None, 0))
    ctypes.memset(address, 1, {100 * MIB})
    libc.shmdt(address)
"""
    assert end_of(cell, code) == "refused"


def test_the_bounds_of_segments_are_not_the_programs(server, kind):
    if kind.level != "namespaces":
        pytest.skip("only a namespace has bounds of its own")
    cell = server.start(**{**LIMITS, "memory_bytes": 256 * MIB})
    pages = 32 * MIB // os.sysconf("SC_PAGE_SIZE")
    assert cell.value("int(open('/proc/sys/kernel/shmall').read())") == str(pages)
    for name in ("shmall", "shmmni", "msgmni", "sem"):
        code = f"open('/proc/sys/kernel/{name}', 'w').write('32000')"
        assert cell.run(code).reply["ename"] in ("OSError", "PermissionError")
    cell.stop()


@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
def test_memory_in_sockets(server, other, kind, closed):
    if kind.level != "namespaces":
        pytest.skip("the sockets are in a network with everybody else's")
    cell = server.start(**{**LIMITS, "memory_bytes": 200 * MIB, "open_files": 4000})
    code = f"""
import socket
hoard, sent, lump = [], 0, bytes(1 << 17)
while sent < {400 * MIB}:
    sender, receiver = socket.socketpair()
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
    sender.setblocking(False)
    try:
        while True:
            sent += sender.send(lump)
    except BlockingIOError:
        pass
    hoard.append(receiver)
    if {closed}:
        sender.close()
    else:
        hoard.append(sender)
"""
    assert end_of(cell, code) == "memory"


def test_memory_in_connections_that_were_reset(server, other, kind):
    if kind.level != "namespaces":
        pytest.skip("the sockets are in a network with everybody else's")
    cell = server.start(**{**LIMITS, "memory_bytes": 200 * MIB})
    code = """
import socket, struct
hoard = []
for _ in range(40):
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    hoard.append(listener)
    for _ in range(4000):
        sender = socket.create_connection(listener.getsockname())
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sender.close()
"""
    assert end_of(cell, code) == "memory"


def test_pages_that_are_mapped_again_and_again(server, other):
    """They take little memory, but the monitor would be busy with them for long."""
    cell = server.start(**{**LIMITS, "open_files": 2000})
    code = f"""
import mmap
with open("pages", "wb") as file:
    file.write(bytes({16 * MIB}))
with open("pages", "rb") as pages:
    flags = mmap.MAP_SHARED | mmap.MAP_POPULATE
    hoard = [mmap.mmap(pages.fileno(), 0, flags, mmap.PROT_READ) for _ in range(700)]
"""
    assert end_of(cell, code) == "memory"


def test_memory_in_locks_on_parts_of_files(server, other):
    cell = server.start(**LIMITS)
    code = """
import fcntl, struct
hoard = []
for number in range(20):
    hoard.append(open(f"locked-{number}", "w"))
    for place in range(2000, 0, -1):  # Linux keeps them in order
        lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 2 * place, 1, 0)
        fcntl.fcntl(hoard[-1], fcntl.F_SETLK, lock)
"""
    assert end_of(cell, code) == "memory"


def test_processor_time_spread_over_many(server, other):
    cell = server.start(**LIMITS, cpu_seconds=2)
    cell.execute(
        "import os, signal\nfor _ in range(3):\n    if os.fork() == 0:\n"
        "        while True: pass\nsignal.pause()"
    )
    assert cell.exited()["reason"] == "cpu"


@pytest.mark.parametrize("seconds", [0.8, 0.06])
def test_processor_time_of_children_that_nobody_waits_for(server, other, seconds):
    cell = server.start(**LIMITS, cpu_seconds=2)
    cell.execute(f"""
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    if (child := os.fork()) == 0:
        while time.process_time() < {seconds}:
            pass
        os._exit(0)
    try:
        os.waitpid(child, 0)
    except ChildProcessError:
        pass
""")
    assert cell.exited()["reason"] == "cpu"


@pytest.mark.skipif(not autogroups.HERE, reason="Linux has no autogroups")
def test_a_kernel_weighs_less_than_the_server(server):
    cell = server.start(**LIMITS)
    (process, *_) = processtable.tree(cell.pid, processtable.by_parent())
    server.tell(op="up", id=cell.kernel_id)
    until(
        lambda: nice_of_group(process.pid) == NICE
    )  # without root, the monitor may have to try again
    assert cell.value("__import__('os').nice(0)") == str(NICE)
    assert cell.value("__import__('os').getsid(0) == __import__('os').getpid()") == "True"
    cell.stop()


@pytest.mark.skipif(not autogroups.HERE, reason="Linux has no autogroups")
def test_many_sessions_weigh_as_one(server, other):
    cell = server.start(**LIMITS)
    cell.execute(
        "import os, signal\nfor _ in range(4):\n    if os.fork() == 0:\n"
        "        os.setsid()\n        while True: pass\nsignal.pause()"
    )

    def levelled() -> bool:
        family = processtable.tree(cell.pid, processtable.by_parent())
        return sum(nice_of_group(each.pid) >= nice_for(4) for each in family) >= 4

    until(levelled)
    cell.stop()


def test_the_weight_of_a_session_is_not_the_programs(server, kind):
    if kind.level != "namespaces":
        pytest.skip("only there nothing may be written below /proc")
    cell = server.start(**LIMITS)
    code = "open('/proc/self/autogroup', 'w').write('0')"
    assert cell.run(code).reply["ename"] == "PermissionError"
    cell.stop()


def test_a_fork_bomb(server, other, kind):
    # Where the system refuses to fork, the bomb uses up its processor time.
    refusing = kind.level != "none" or "cgroup" in server.ready["features"]
    cell = server.start(**LIMITS, cpu_seconds=5 if refusing else 600)
    cell.execute("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass")
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


def test_processes_that_leave_their_kernel(server, other, kind):
    """The kernel is to be the parent of its orphans, but a program may change that; then nobody watches them."""
    if kind.level != "none":
        pytest.skip("a filter of system calls, or a namespace, keeps them there")
    mark = f"sleep-{uuid.uuid4()}"
    cell = server.start(**LIMITS)
    code = f"""
import ctypes, os
ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sh", ["sh", "-c", "while :; do sleep 1000; done", {mark!r}])
    os._exit(0)
os.wait()
"""
    assert cell.run(code).reply["status"] == "ok"
    until(lambda: not processes_with(mark))
    assert cell.value("1 + 1") == "2"
    cell.stop()


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
    """Empty files, and more of them than one step counts."""
    cell = server.start(**{**LIMITS, "directory_bytes": 40 * MIB})
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
    cell = server.start(**{**LIMITS, "directory_bytes": 40 * MIB})
    code = "import os\nfor _ in range({}): os.mkdir('d'); os.chdir('d')"
    assert cell.run(code.format(3000)).reply["status"] == "ok"
    if kind.level == "namespaces":
        cell.stop()
    else:
        cell.execute(code.format(1_000_000))
        assert cell.exited()["reason"] == "disk"
    rmtree.remove(cell.directory)
    assert not cell.directory.exists()


#: What Linux counts for each user, as calls of the C library, taken until there are no more of them.
OF_ONE_USER = {
    "timers": "libc.timer_create(1, None, ctypes.byref(ctypes.c_void_p()))",
}


@pytest.mark.parametrize("what", OF_ONE_USER)
def test_what_linux_counts_for_each_user(server, other, kind, what):
    if kind.level == "none":
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


def test_no_crash_starts_a_program_of_the_machine(server, kind):
    """With any other limit than 1, Linux passes core dumps to it, if it has one for them."""
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("the server's own limit is 0, which only root can raise")
    cell = server.start(**LIMITS)
    cell.run("import resource; core = resource.RLIMIT_CORE")
    assert cell.value("resource.getrlimit(core)") == "(1, 1)"
    if kind.level != "none":  # there is no filter
        cell.run("resource.setrlimit(core, (0, 0))")
        assert cell.value("resource.getrlimit(core)") == "(1, 1)"
    cell.stop()


def test_too_large_a_file(server, other):
    cell = server.start(**LIMITS, file_bytes=1 * MIB)
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
