"""The fork server's protocol with the web process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import attrs
import psutil
import pytest
import zmq

from tests.kernelside.driving import LOADING, PATIENCE, PROGRAM, Server, alive, gone, kill
from tests.kernelside.limits import ROOMY, start

pytestmark = pytest.mark.integration


#: Runs a fork server that is interrupted, as by Ctrl-C, while it imports its modules.
INTERRUPTED = """
import runpy, signal, sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "sagecell_tx.kernelside.forkserver.server":
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
runpy.run_module("sagecell_tx.kernelside.forkserver", run_name="__main__")
"""


def test_ctrl_c_while_it_is_loaded_is_left_to_the_web_process():
    command = [sys.executable, "-c", INTERRUPTED, "--help"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert (ran.returncode, ran.stderr) == (0, "")


#: Runs its arguments with a command socket, as the web process does.
PARENT = """
import socket, subprocess, sys
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
subprocess.run(sys.argv[1:], stdin=theirs)
"""

SLOW = "import os, sys, time; print(os.getpid(), file=sys.stderr, flush=True); time.sleep(600)"


def test_it_does_not_load_on_without_the_web_process(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    own = [sys.executable, *PROGRAM, "--preload", "slow"]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, *own],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    with parent:
        assert parent.stderr is not None
        pid = int(parent.stderr.readline())
        kill(parent.pid)
        assert gone(pid)


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    yield server
    server.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("shared"))
    yield server
    assert server.close() == 0


class TestReady:
    def test_says_what_it_has_loaded(self, tmp_path):
        server = Server(tmp_path, preload="json,no_such_module,no.such.module,string")
        assert server.ready["pid"] == server.process.pid
        assert server.ready["preloaded"] == ["json", "string"]
        assert server.ready["missing"] == ["no_such_module", "no.such.module"]
        assert server.ready["sandbox"] == "none"
        assert 0 < server.ready["seconds"] < LOADING
        assert server.close() == 0

    def test_answers_that_it_is_there(self, shared):
        shared.tell(op="ping")
        assert shared.event("pong") == {"event": "pong"}

    def test_has_one_thread(self, shared):
        assert len(os.listdir(f"/proc/{shared.process.pid}/task")) == 1


class TestKernels:
    def test_start_execute_stop(self, shared):
        cell = shared.start()
        assert cell.value("1+1") == "2"
        assert cell.stop() == {
            "event": "exited",
            "id": cell.kernel_id,
            "pid": cell.pid,
            "status": None,
            "signal": signal.SIGKILL,
            "reason": None,
        }
        assert not alive(cell.pid)

    def test_the_exit_status_is_told(self, shared):
        cell = shared.start()
        cell.execute("import os; os._exit(7)")
        event = cell.exited()
        assert (event["status"], event["signal"]) == (7, None)

    def test_the_signal_that_ended_it_is_told(self, shared):
        cell = shared.start()
        cell.execute("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
        event = cell.exited()
        assert (event["status"], event["signal"]) == (None, signal.SIGSEGV)

    def test_cpu_time_is_limited(self, shared):
        cell = shared.start(cpu_seconds=0.5)
        cell.execute("while True: pass")
        assert cell.exited()["reason"] == "cpu"

    def test_a_signal_reaches_the_group(self, shared):
        cell = shared.start()
        code = "import subprocess\nsubprocess.run('echo up; exec sleep 1000', shell=True)"
        request = cell.execute(code)
        cell.until_printed("up\n")
        cell.signal("INT")
        assert cell.result(request).reply["ename"] == "KeyboardInterrupt"
        assert cell.value("6*7") == "42"
        cell.stop()

    def test_no_two_share_their_chance(self, tmp_path):
        """contract: 5.4"""
        server = Server(tmp_path, preload="numpy")
        code = "import random, numpy, uuid; random.random(), numpy.random.rand(), uuid.uuid4()"
        cells = [server.start() for _ in range(2)]
        first, second = (cell.value(code).split(", ") for cell in cells)
        assert all(one != other for one, other in zip(first, second, strict=True))
        for cell in cells:
            cell.stop()
        assert server.close() == 0

    def test_each_has_its_own_place(self, shared):
        cell = shared.start()
        home, here, temporary = (
            cell.value("import os, tempfile; os.environ['HOME']"),
            cell.value("os.getcwd()"),
            cell.value("tempfile.gettempdir()"),
        )
        assert home == here == repr(str(cell.work))
        assert temporary == repr(str(cell.directory / "tmp"))
        assert sorted(path.name for path in (cell.directory / "ipc").iterdir()) == [
            f"k-{number}" for number in range(1, 6)
        ]
        cell.stop()

    def test_a_heart_beats(self, shared):
        cell = shared.start()
        heart = cell.connect(zmq.REQ, 5)
        heart.send(b"beat")
        assert heart.poll(PATIENCE * 1000)
        assert heart.recv() == b"beat"
        cell.stop()


class TestNothingOutlives:
    def test_children_of_any_kind(self, shared):
        cell = shared.start()
        code = """
import os, subprocess, sys
child = subprocess.Popen(['sleep', '1000'])
session = subprocess.Popen(['sleep', '1000'], start_new_session=True)
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if (grandchild := os.fork()) == 0:
        os.execvp('sleep', ['sleep', '1000'])
    os.write(write, str(grandchild).encode())
    os._exit(0)
print(child.pid, session.pid, int(os.read(read, 20)))
"""
        pids = [int(pid) for pid in cell.run(code).text().split()]
        assert len(pids) == 3
        assert all(map(alive, pids))
        cell.stop()
        assert not any(map(alive, pids))

    def test_when_the_kernel_ends_by_itself(self, shared):
        cell = shared.start()
        code = "import subprocess; subprocess.Popen(['sleep', '1000'], start_new_session=True).pid"
        pid = int(cell.value(code))
        cell.execute("exit()")
        assert cell.exited()["status"] == 0
        assert not alive(pid)

    def test_other_kernels_stay(self, shared):
        one, other = shared.start(), shared.start()
        code = "import subprocess; subprocess.Popen(['sleep', '1000'], start_new_session=True).pid"
        pids = [int(cell.value(code)) for cell in (one, other)]
        one.stop()
        assert [alive(pid) for pid in pids] == [False, True]
        assert other.value("1+1") == "2"
        other.stop()

    def test_no_zombie_is_left(self, shared):
        cell = shared.start()
        cell.run("import os\nfor _ in range(20):\n    if os.fork() == 0: os._exit(0)")
        cell.stop()
        other = shared.start()
        other.stop()
        with open(f"/proc/{shared.process.pid}/status") as status:
            assert "Threads:\t1" in status.read()
        children = [
            stat.rpartition(")")[2].split()[0]
            for stat in map(_stat, filter(str.isdigit, os.listdir("/proc")))
            if stat.rpartition(")")[2].split()[1:2] == [str(shared.process.pid)]
        ]
        (monitor,) = children
        assert monitor != "Z"


def _stat(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read()
    except OSError:
        return ""


class TestEnds:
    def test_with_its_commands(self, server):
        cells = [server.start() for _ in range(3)]
        assert server.close() == 0
        assert not any(alive(cell.pid) for cell in cells)
        for cell in cells:
            cell.hang_up()

    def test_at_sigterm(self, server):
        cell = server.start()
        server.process.terminate()
        assert server.process.wait(PATIENCE) == 0
        assert not alive(cell.pid)
        cell.hang_up()

    def test_killed_and_its_kernels_with_it(self, server):
        cells = [server.start() for _ in range(3)]
        kill(server.process.pid)
        assert all(gone(cell.pid) for cell in cells)
        for cell in cells:
            cell.hang_up()

    def test_not_at_an_interrupt_from_the_terminal(self, server):
        server.process.send_signal(signal.SIGINT)
        cell = server.start()
        assert cell.value("1+1") == "2"
        cell.stop()


class TestBadCommands:
    @pytest.mark.parametrize(
        "message",
        [
            b"not json",
            b"[]",
            b"\xff\xfe",
            b"{}",
            b'{"op": "dance", "id": 1}',
            b'{"op": "start"}',
            b'{"op": "stop", "id": "7"}',
            b'{"op": "stop", "id": true}',
            b'{"op": "stop", "id": 0}',
            b'{"op": "signal", "id": 1, "signal": "LEAP"}',
            b'{"op": "signal", "id": 1, "signal": ["INT"]}',
            b"[" * 60_000,
            b"x" * 70_000,
        ],
    )
    def test_are_refused_in_a_sentence(self, shared, message):
        shared.write(message)
        event = shared.event("refused")
        assert 10 < len(event["message"]) < 600

    @pytest.mark.parametrize(
        "limits",
        [
            [],
            {},
            *(
                {**attrs.asdict(ROOMY), name: value}
                for name, value in (
                    ("cpu_seconds", -1),
                    ("cpu_seconds", True),
                    ("file_bytes", "many"),
                    ("file_bytes", None),
                )
            ),
        ],
    )
    def test_limits_that_are_none(self, shared, limits):
        number = shared.number()
        shared.tell(op="start", id=number, limits=limits, proxy=False)
        assert "limits" in shared.event("failed", number)["message"]

    def test_a_start_without_a_socket(self, shared):
        held = psutil.Process(shared.process.pid).num_fds()
        with open(os.devnull) as file:
            for descriptors in ((), (file.fileno(),), (file.fileno(), file.fileno())):
                number = shared.number()
                shared.tell(*descriptors, **start(number).line)
                assert "socket" in shared.event("failed", number)["message"]
            shared.tell(file.fileno(), op="stop", id=shared.number())
        shared.write(b"{}")
        shared.event("refused")
        assert psutil.Process(shared.process.pid).num_fds() == held

    @pytest.mark.parametrize(
        "secrets",
        [
            b"not json",
            b"[]",
            b'{"key": "k"}',
            b'{"dir": "relative", "key": "k"}',
            b'{"dir": "/nowhere/at/all", "key": "k"}',
            b'{"dir": "/tmp\\u0000", "key": "k"}',
            b'{"dir": "/tmp", "key": ""}',
            b'{"dir": "/tmp", "key": 5}',
        ],
    )
    def test_a_kernel_that_learns_nothing_of_use_ends(self, shared, secrets):
        assert shared.begin(secrets=secrets).ended()["status"] == 1

    def test_a_kernel_that_nobody_waits_for_any_more_ends(self, shared):
        beginning = shared.begin()
        beginning.abandon()
        assert beginning.event("exited")["status"] == 1

    def test_an_id_that_is_taken(self, shared):
        cell = shared.start()
        shared.tell(op="start", id=cell.kernel_id)
        assert f"Kernel {cell.kernel_id} exists already" in shared.event("refused")["message"]
        assert cell.value("1+1") == "2"
        cell.stop()

    def test_sockets_that_cannot_be_bound(self, shared):
        directory = shared.directory()
        (directory / "ipc" / "k-1").mkdir()
        beginning = shared.begin(directory)
        report = beginning.said().decode()
        assert report.startswith("failed: Traceback")
        assert "Address already in use" in report
        assert beginning.event("exited")["status"] == 1

    def test_nothing_happens_to_a_kernel_that_is_not_there(self, shared):
        nobody = shared.number()
        shared.tell(op="stop", id=nobody)
        shared.tell(op="signal", id=nobody, signal="INT")
        cell = shared.start()
        cell.stop()


def test_the_control_pipes_are_out_of_reach(shared):
    cell = shared.start()
    code = """
import os
own = {os.readlink(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{fd}')}
sorted(own)
"""
    held = set(eval(cell.value(code)))
    server = shared.process.pid
    links = {os.readlink(f"/proc/{server}/fd/{fd}") for fd in os.listdir(f"/proc/{server}/fd")}
    for kind in ("pipe:", "socket:"):
        assert any(link.startswith(kind) for link in links)
        assert not any(link.startswith(kind) for link in links & held)
    assert "/dev/null" in held
    cell.stop()


def test_events_wait_for_a_reader_and_commands_go_on(server):
    # More refusals than the pipe holds, unread until all are caused.
    count = 3000
    for _ in range(count):
        server.write(b"{}")
    server.tell(op="stop")
    for _ in range(count + 1):
        server.event("refused")
