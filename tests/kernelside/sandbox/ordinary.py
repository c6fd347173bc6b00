"""Programs as people write them in cells: what libraries and languages ask of the system.

    python ordinary.py [NAME...]

Each is a function that raises if it does not do what it should. Kernels import this file,
so it needs nothing but what they have; it works in the current directory.
"""

from __future__ import annotations

import array
import asyncio
import concurrent.futures
import ctypes
import errno
import fcntl
import hashlib
import http.server
import json
import mmap
import multiprocessing
import os
import pty
import resource
import secrets
import select
import selectors
import shutil
import signal
import socket
import socketserver
import sqlite3
import ssl
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import urllib.request
import zipfile
from collections.abc import Callable, Coroutine
from multiprocessing import shared_memory
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)

PROGRAMS: dict[str, Callable[[], None]] = {}

#: Those that need more than the level `account` gives: a network; System V, and locks, which
#: are in /dev/shm; terminals.
NETWORKED: set[str] = set()
SHARED: set[str] = set()
TERMINAL: set[str] = set()


def program(*kinds: set[str]) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """One of `PROGRAMS`."""

    def add(function: Callable[[], None]) -> Callable[[], None]:
        PROGRAMS[function.__name__] = function
        for kind in kinds:
            kind.add(function.__name__)
        return function

    return add


def square(number: int) -> int:
    return number * number


def done(result: int) -> int:
    """The result of a call of the C library that went well."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


@program()
def linear_algebra() -> None:
    import numpy as np

    random = np.random.default_rng(1)
    matrix = random.normal(size=(200, 200))
    assert np.allclose(matrix @ np.linalg.solve(matrix, np.eye(200)), np.eye(200))
    assert np.linalg.svd(matrix)[1].shape == (200,)
    assert np.fft.fft(matrix).shape == (200, 200)
    kept: np.memmap = np.memmap("matrix.bin", dtype="f8", mode="w+", shape=(100, 100))
    kept[:] = matrix[:100, :100]
    kept.flush()
    assert np.array_equal(np.fromfile("matrix.bin").reshape(100, 100), matrix[:100, :100])


@program()
def tables() -> None:
    import pandas as pd

    table = pd.DataFrame({"name": ["a", "b", "a"], "value": [1.5, 2.5, 3.5]})
    table.to_csv("table.csv", index=False)
    read = pd.read_csv("table.csv")
    assert read.groupby("name").value.sum()["a"] == 5.0
    with sqlite3.connect(":memory:") as database:
        read.to_sql("numbers", database)
        assert len(pd.read_sql("select * from numbers", database)) == 3


@program()
def figures() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    axes.plot([1, 4, 9])
    axes.set_title("$x^2$")
    for kind in ("png", "svg", "pdf"):
        figure.savefig(f"figure.{kind}")
        assert os.path.getsize(f"figure.{kind}") > 1000
    pyplot.close(figure)


def _pool(method: str) -> None:
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(square, range(20)) == [square(number) for number in range(20)]
        pool.close()
        pool.join()


@program(SHARED)
def pool_by_fork() -> None:
    _pool("fork")


@program(SHARED)
def pool_by_spawn() -> None:
    _pool("spawn")


@program(SHARED)
def pool_by_forkserver() -> None:
    _pool("forkserver")


@program(SHARED)
def processes_that_talk() -> None:
    ours, theirs = multiprocessing.Pipe()
    queue: multiprocessing.Queue[int] = multiprocessing.Queue()

    def talk() -> None:
        theirs.send(1)
        queue.put(2)

    process = multiprocessing.Process(target=talk)
    process.start()
    assert (ours.recv(), queue.get()) == (1, 2)
    process.join()
    assert process.exitcode == 0
    with concurrent.futures.ProcessPoolExecutor(2) as executor:
        assert list(executor.map(square, range(5))) == [0, 1, 4, 9, 16]
    block = shared_memory.SharedMemory(create=True, size=4096)
    assert block.buf is not None
    block.buf[0] = 7
    block.close()
    block.unlink()


@program()
def threads() -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as executor:
        assert sum(executor.map(square, range(100))) == sum(map(square, range(100)))
    event = threading.Event()
    timer = threading.Timer(0.01, event.set)
    timer.start()
    assert event.wait(60)
    timer.join()
    assert threading.Condition().acquire(timeout=1)
    assert threading.get_native_id() > 0


@program()
def subprocesses() -> None:
    answer = subprocess.run(["sort"], input=b"b\na\n", capture_output=True, check=True)
    assert answer.stdout == b"a\nb\n"
    line = "printf 'one two' | tr ' ' '\\n' | wc -l; exit 3"
    shell = subprocess.run(line, shell=True, capture_output=True, check=False)
    assert (shell.returncode, shell.stdout.strip()) == (3, b"1")
    try:
        subprocess.run(["sleep", "60"], timeout=0.05, start_new_session=True, check=False)
    except subprocess.TimeoutExpired:
        pass
    else:
        raise AssertionError("it slept for a minute")
    stopped = subprocess.Popen(["sleep", "60"], process_group=0, preexec_fn=lambda: None)
    os.killpg(stopped.pid, signal.SIGTERM)
    assert stopped.wait() == -signal.SIGTERM
    assert os.system("exit 5") >> 8 == 5
    pid = os.posix_spawn("/bin/true", ["true"], dict(os.environ))
    assert os.waitpid(pid, 0)[1] == 0
    pid = os.fork()
    if not pid:
        os.execv("/bin/true", ["true"])
    waited = os.waitid(os.P_PID, pid, os.WEXITED)
    assert waited is not None
    assert waited.si_status == 0


@program()
def programs_of_the_system() -> None:
    Path("lines").write_text("3\n1\n2\n")
    for line, expected in (
        ("sort -n lines | head -1", "1"),
        ("awk '{ sum += $1 } END { print sum }' lines", "6"),
        ("sed -n 2p lines; cp lines copied; cmp lines copied", "1"),
        ("gzip -c lines | gunzip | tail -1", "2"),
        ("tar cf - lines | tar tf -", "lines"),
        (
            "mkdir -p a/b; touch a/b/c; find a -type f; chmod 600 a/b/c; mv a/b/c d; rm -r a",
            "a/b/c",
        ),
        ("perl -e 'print 6 * 7'", "42"),
        ("date +%s > when; stat -c %s lines", "6"),
        ("dd if=/dev/zero bs=1k count=4 2>/dev/null | wc -c", "4096"),
        ("timeout 0.05 sleep 60; echo $?", "124"),
        ("nice -n 5 nice", str(os.getpriority(os.PRIO_PROCESS, 0) + 5)),
        ("bash -c 'coproc cat; echo x >&${COPROC[1]}; read y <&${COPROC[0]}; echo $y'", "x"),
        ("sleep 0.01 & wait; ulimit -n > /dev/null; echo done", "done"),
        ("setarch -R echo no random addresses", "no random addresses"),
    ):
        run = subprocess.run(line, shell=True, capture_output=True, check=False, text=True)
        assert run.stdout.strip() == expected, (line, run)


def _read(descriptor: int, until: bytes) -> bytes:
    """What a terminal shows, up to these words."""
    shown = b""
    while until not in shown:
        ready = select.select([descriptor], [], [], 60)[0]
        assert ready, shown
        try:
            data = os.read(descriptor, 4096)
        except OSError as error:  # Linux's end of a terminal
            if error.errno != errno.EIO:
                raise
            data = b""
        assert data, shown
        shown += data
    return shown


@program(TERMINAL)
def terminals() -> None:
    ours, theirs = pty.openpty()
    assert os.isatty(theirs)
    attributes = termios.tcgetattr(theirs)
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
    assert tuple(os.get_terminal_size(theirs)) == (99, 33)
    process = subprocess.Popen(["stty", "size"], stdin=theirs, stdout=theirs)
    assert b"33 99" in _read(ours, b"99")
    assert process.wait() == 0
    os.close(theirs)
    os.close(ours)
    pid, ours = pty.fork()
    if not pid:
        os.execvp("sh", ["sh", "-ic", "read line; echo got $line; tty"])
    os.write(ours, b"words\n")
    assert b"got words" in _read(ours, b"/dev/pts/")
    os.waitpid(pid, 0)
    os.close(ours)


@program(TERMINAL)
def screens() -> None:
    pid, ours = pty.fork()
    if not pid:
        code = "import curses; curses.wrapper(lambda s: (s.addstr('drawn'), s.refresh()))"
        environment = {**os.environ, "TERM": "xterm", "LINES": "24", "COLUMNS": "80"}
        os.execve(sys.executable, [sys.executable, "-c", code], environment)
    assert b"drawn" in _read(ours, b"drawn")
    os.waitpid(pid, 0)
    os.close(ours)


async def _in_processes() -> None:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("cat", stdin=pipe, stdout=pipe)
    assert (await process.communicate(b"words"))[0] == b"words"
    shell = await asyncio.create_subprocess_shell("exit 4")
    assert await shell.wait() == 4
    loop = asyncio.get_running_loop()
    assert await loop.run_in_executor(None, square, 3) == 9
    assert await asyncio.gather(*(asyncio.sleep(0.001, n) for n in range(50))) == [*range(50)]


def _run(work: Coroutine[object, object, None]) -> None:
    """As `asyncio.run`, in a thread: a kernel's main thread is running a loop already."""
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        executor.submit(asyncio.run, work).result()


@program()
def coroutines() -> None:
    _run(_in_processes())


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(100))
    await writer.drain()
    writer.close()


async def _over_unix_sockets() -> None:
    name = tempfile.mktemp(dir=tempfile.gettempdir())
    async with await asyncio.start_unix_server(_echo, name):
        reader, writer = await asyncio.open_unix_connection(name)
        writer.write(b"echo")
        assert await reader.read() == b"echo"
        writer.close()
    Path(name).unlink(missing_ok=True)  # from Python 3.13 on, the server did


@program()
def unix_sockets() -> None:
    _run(_over_unix_sockets())
    ours, theirs = socket.socketpair()
    with ours, theirs, open("/dev/null", "rb") as null:
        socket.send_fds(ours, [b"file"], [null.fileno()])
        words, descriptors, *_ = socket.recv_fds(theirs, 10, 1)
        assert words == b"file"
        os.close(descriptors[0])
        credentials = theirs.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        assert struct.unpack("3i", credentials)[1] == os.getuid()


async def _over_the_loopback() -> None:
    for address in ("127.0.0.1", "::1"):
        server = await asyncio.start_server(_echo, address, 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection(address, port)
            writer.write(b"echo")
            assert await reader.read() == b"echo"
            writer.close()


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"page")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@program(NETWORKED)
def networks() -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        port = server.server_address[1]
        assert direct.open(f"http://127.0.0.1:{port}/").read() == b"page"
        server.shutdown()
        thread.join()
    _run(_over_the_loopback())
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_UDP) as theirs,
    ):
        ours.bind(("127.0.0.1", 0))
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        theirs.sendto(b"datagram", ours.getsockname())
        assert ours.recvfrom(100)[0] == b"datagram"
    assert socket.getaddrinfo("localhost", 80)
    assert "lo" in [name for _, name in socket.if_nameindex()]
    addresses = ctypes.c_void_p()
    done(libc.getifaddrs(ctypes.byref(addresses)))  # over netlink
    libc.freeifaddrs(addresses)


@program()
def databases() -> None:
    with tempfile.TemporaryDirectory() as directory:
        database = sqlite3.connect(f"{directory}/database")
        for mode in ("wal", "delete"):
            assert database.execute(f"pragma journal_mode={mode}").fetchone() == (mode,)
            database.execute(f"create table {mode}_ (number integer)")
            with database:
                database.executemany(f"insert into {mode}_ values (?)", ((n,) for n in range(99)))
        database.execute("vacuum")
        database.close()


@program()
def memory() -> None:
    with open("mapped", "w+b") as file:
        file.truncate(8192)
        with mmap.mmap(file.fileno(), 8192) as mapped:
            mapped[:5] = b"words"
            mapped.flush()
            mapped.madvise(mmap.MADV_WILLNEED)
            mapped.resize(4096)
        assert file.read(5) == b"words"
    with mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as code:
        code[:6] = b"\xb8\x2a\0\0\0\xc3"  # what a compiler at run time writes
    numbers = array.array("i", [3, 1, 2])
    order = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.POINTER(ctypes.c_int)] * 2)
    address, length = numbers.buffer_info()
    compare = order(lambda one, other: one[0] - other[0])
    libc.qsort(ctypes.c_void_p(address), ctypes.c_size_t(length), ctypes.c_size_t(4), compare)
    assert list(numbers) == [1, 2, 3]
    big = bytearray(64 << 20)  # given back at once, or moved
    big.extend(bytes(64 << 20))
    del big


@program()
def files() -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        (path / "file").write_bytes(b"0123456789" * 1000)
        shutil.copy2(path / "file", path / "copy")
        shutil.copytree(path, path.parent / f"{path.name}-tree")
        shutil.rmtree(path.parent / f"{path.name}-tree")
        os.link(path / "file", path / "hard")
        os.symlink("file", path / "soft")
        assert os.readlink(path / "soft") == "file"
        os.rename(path / "hard", path / "renamed")
        os.mkfifo(path / "fifo")
        os.chmod(path / "file", 0o600)
        os.chown(path / "file", os.getuid(), os.getgid())
        os.utime(path / "file", (1, 2))
        assert os.stat(path / "file").st_mtime == 2
        assert os.access(
            path / "file", os.W_OK, effective_ids=os.access in os.supports_effective_ids
        )
        assert {entry.name for entry in os.scandir(path)} >= {"file", "copy", "fifo"}
        assert os.statvfs(path).f_bsize > 0
        here = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        os.mkdir("below", dir_fd=here)
        os.rmdir("below", dir_fd=here)
        os.fsync(here)
        os.close(here)
        with open(path / "file", "r+b") as file:
            descriptor = file.fileno()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            fcntl.lockf(descriptor, fcntl.LOCK_EX)
            fcntl.lockf(descriptor, fcntl.LOCK_UN)
            os.posix_fallocate(descriptor, 0, 20000)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
            os.pwritev(descriptor, [b"a", b"b"], 10)
            assert os.preadv(descriptor, [bytearray(2)], 10) == 2
            os.fdatasync(descriptor)
            os.ftruncate(descriptor, 5000)
            with open(path / "other", "wb") as other:
                assert os.copy_file_range(descriptor, other.fileno(), 100, 0) == 100
        # Both try sendfile(2), and do without it.
        shutil.copyfile(path / "file", path / "again")
        assert (path / "again").read_bytes() == (path / "file").read_bytes()
        sender, receiver = socket.socketpair()
        with sender, receiver, open(path / "file", "rb") as file:
            assert sender.sendfile(file, 0, 100) == 100
        read, write = os.pipe2(os.O_CLOEXEC)
        os.close(read)
        os.close(write)
        with zipfile.ZipFile(path / "zipped", "w", zipfile.ZIP_LZMA) as zipped:
            zipped.write(path / "copy", "copy")
        before = os.getcwd()
        os.chdir(path)
        assert os.listdir() == os.listdir(path)
        os.chdir(before)
        os.umask(os.umask(0o077))


@program()
def waiting() -> None:
    read, write = os.pipe()
    os.write(write, b"x")
    for selector in (
        selectors.SelectSelector(),
        selectors.PollSelector(),
        selectors.EpollSelector(),
    ):
        with selector:
            selector.register(read, selectors.EVENT_READ)
            assert selector.select(60)
    os.close(read)
    os.close(write)
    event = os.eventfd(0)
    os.eventfd_write(event, 3)
    assert os.eventfd_read(event) == 3
    os.close(event)
    timer = done(libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_CLOEXEC))
    done(libc.timerfd_settime(timer, 0, (ctypes.c_long * 4)(0, 0, 0, 1000), None))
    assert select.select([timer], [], [], 60)[0]
    os.close(timer)


@program()
def signals() -> None:
    if threading.current_thread() is threading.main_thread():
        heard = []
        for number in (signal.SIGALRM, signal.SIGUSR2):
            signal.signal(number, lambda number, frame: heard.append(number))
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        while signal.SIGALRM not in heard:
            time.sleep(0.001)
        signal.alarm(0)
        signal.raise_signal(signal.SIGUSR2)
        assert heard == [signal.SIGALRM, signal.SIGUSR2]
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
    assert signal.SIGUSR1 in signal.sigpending()
    assert signal.sigwait([signal.SIGUSR1]) == signal.SIGUSR1
    assert signal.sigtimedwait([signal.SIGUSR1], 0) is None
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])


@program()
def its_share() -> None:
    for what in (resource.RLIMIT_NOFILE, resource.RLIMIT_CPU, resource.RLIMIT_AS):
        resource.setrlimit(what, resource.getrlimit(what))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
    os.sched_setaffinity(0, os.sched_getaffinity(0))
    os.sched_setscheduler(0, os.sched_getscheduler(0), os.sched_param(0))
    os.nice(0)
    os.sched_yield()
    assert os.times().elapsed > 0
    assert os.uname().sysname == "Linux"
    assert time.clock_getres(time.CLOCK_MONOTONIC) > 0
    assert time.process_time() > 0
    assert time.thread_time() > 0


@program()
def secrets_and_sums() -> None:
    assert len(secrets.token_bytes(32)) == 32
    assert hashlib.scrypt(b"word", salt=b"salt", n=1024, r=8, p=1)
    assert hashlib.pbkdf2_hmac("sha256", b"word", b"salt", 1000)
    context = ssl.create_default_context()
    ours = context.wrap_bio(ssl.MemoryBIO(), outgoing := ssl.MemoryBIO(), server_hostname="a.b")
    try:
        ours.do_handshake()
    except ssl.SSLWantReadError:
        assert outgoing.pending
    assert json.loads(json.dumps({"a": [1, None]})) == {"a": [1, None]}


@program(SHARED)
def system_v() -> None:
    segment = done(libc.shmget(0, 4096, 0o600 | 0o1000))
    libc.shmat.restype = ctypes.c_void_p
    address = ctypes.c_void_p(libc.shmat(segment, None, 0))
    ctypes.memset(address, 1, 4096)
    done(libc.shmdt(address))
    done(libc.shmctl(segment, 0, None))
    queue = done(libc.msgget(0, 0o600 | 0o1000))
    done(libc.msgctl(queue, 0, None))
    semaphores = done(libc.semget(0, 1, 0o600 | 0o1000))
    done(libc.semctl(semaphores, 0, 0))


@program()
def names_and_ends() -> None:
    set_name, get_name, subreaper = 15, 16, 36
    done(libc.prctl(set_name, b"renamed", 0, 0, 0))
    name = ctypes.create_string_buffer(16)
    done(libc.prctl(get_name, name, 0, 0, 0))
    assert name.value == b"renamed"
    done(libc.prctl(subreaper, 1, 0, 0, 0))
    done(libc.prctl(1, 0, 0, 0, 0))
    os.setresuid(-1, -1, -1)
    os.setresgid(-1, -1, -1)
    assert os.getresuid()[0] == os.getuid()
    assert os.getsid(0) >= 0
    assert os.getpgid(0) >= 0


if __name__ == "__main__":
    for each in sys.argv[1:] or PROGRAMS:
        PROGRAMS[each]()
        sys.stdout.write(f"{each}\n")
