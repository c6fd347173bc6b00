"""The monitor process: its messages, and its end with the fork server."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

import pytest

from sagecell_tx.kernelside.monitor.monitor import Monitor, MonitorEnded, Pong
from sagecell_tx.kernelside.monitor.usage import Excess, Finding
from sagecell_tx.kernelside.system import processtable
from tests.kernelside.driving import Server, gone, kill, private
from tests.kernelside.limits import start

pytestmark = pytest.mark.integration


def found(monitor: Monitor) -> list[Finding | Pong]:
    """Wait for the next findings."""
    findings: list[Finding | Pong] = []
    while not findings:
        monitor.write()
        select.select([monitor.channel], [], [])
        findings = monitor.findings()
    return findings


class TestWhatIsSaid:
    @pytest.fixture
    def monitor(self):
        monitor = Monitor.fork()
        yield monitor
        monitor.close()
        monitor.close()

    def test_an_excess_is_of_whatever_the_kernel_was_called(self, monitor):
        monitor.add(("any", 7), os.getpid(), start(processes=0))
        assert found(monitor)[0] == Excess(("any", 7), "processes")

    def test_a_directory_is_seen_through_its_descriptor(self, monitor, tmp_path):
        (tmp_path / "big").write_bytes(bytes(3_000_000))
        directory = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
        monitor.add("k", os.getpid(), start(directory_bytes=2_000_000), directory)
        tmp_path.rename(tmp_path.with_name("elsewhere"))
        assert found(monitor)[0] == Excess("k", "disk")

    def test_the_time_that_a_group_says(self, monitor, tmp_path):
        sleeper = subprocess.Popen(["sleep", "1000"])
        stat = tmp_path / "cpu.stat"
        stat.write_text("usage_usec 7000000\nuser_usec 1\n")
        for name, most in (("less", 7.5), ("more", 6.5)):
            usage = os.open(stat, os.O_RDONLY)
            monitor.add(name, sleeper.pid, start(cpu_seconds=most), usage=usage)
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(usage)
        assert found(monitor)[0] == Excess("more", "cpu")
        sleeper.kill()
        sleeper.wait()

    def test_nothing_is_told_of_who_is_forgotten(self, monitor):
        monitor.add("k", os.getpid(), start(processes=0))
        monitor.add("l", os.getpid(), start(processes=0))
        monitor.forget("k")
        monitor.forget("k")
        assert found(monitor)[0] == Excess("l", "processes")

    def test_its_descriptors_are_given_back(self, monitor, tmp_path):
        for name in range(50):
            directory = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
            monitor.add(name, os.getpid(), start(), directory)
            monitor.forget(name)
        monitor.add("last", os.getpid(), start(processes=0))
        found(monitor)
        # Three standard streams, the socket, and descriptors that are open during a check.
        assert len(os.listdir(f"/proc/{monitor.pid}/fd")) <= 6

    def test_a_full_socket_makes_nobody_wait(self, monitor):
        os.kill(monitor.pid, signal.SIGSTOP)
        number = 0
        while not monitor.backlogged:
            monitor.add(number, os.getpid(), start())
            monitor.forget(number)
            number += 1
        monitor.add("last", os.getpid(), start(processes=0))
        os.kill(monitor.pid, signal.SIGCONT)
        while monitor.backlogged:
            select.select([], [monitor.channel], [])
            monitor.write()
        assert found(monitor)[0] == Excess("last", "processes")

    def test_its_end_is_noticed(self, monitor):
        kill(monitor.pid)
        select.select([monitor.channel], [], [])
        with pytest.raises(MonitorEnded):
            monitor.findings()
        with pytest.raises(MonitorEnded):
            monitor.add("k", os.getpid(), start())

    def test_a_ping_is_answered(self, monitor):
        monitor.ping()
        assert found(monitor) == [Pong()]

    def test_pings_that_are_not_taken_do_not_pile_up(self, monitor):
        os.kill(monitor.pid, signal.SIGSTOP)
        for _ in range(1000):
            monitor.ping()
        assert len(monitor._unsent) <= 1
        os.kill(monitor.pid, signal.SIGCONT)
        assert found(monitor)[0] == Pong()

    def test_a_signal_for_all_does_not_end_it(self, monitor):
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(monitor.pid, number)
        monitor.add("k", os.getpid(), start(processes=0))
        assert found(monitor)


def watch_of(server: Server) -> int:
    """The pid of a fork server's monitor."""
    while not (children := processtable.by_parent().get(server.process.pid)):
        pass  # until it is forked
    (watch,) = children
    return watch.pid


class TestWithAForkServer:
    def test_a_start_waits_for_no_look(self, tmp_path):
        server = Server(tmp_path)
        watch = watch_of(server)
        os.kill(watch, signal.SIGSTOP)  # like a check without an end
        cells = [server.start() for _ in range(3)]
        assert [cell.value("6 * 7") for cell in cells] == ["42"] * 3
        os.kill(watch, signal.SIGCONT)
        for cell in cells:
            cell.stop()
        assert server.close() == 0
        assert gone(watch)

    def test_while_the_watch_hangs_no_ping_is_answered(self, tmp_path):
        server = Server(tmp_path)
        watch = watch_of(server)
        os.kill(watch, signal.SIGSTOP)
        server.tell(op="ping")
        cell = server.start()  # its events come before the pong
        os.kill(watch, signal.SIGCONT)
        assert server.event("pong") == {"event": "pong"}
        cell.stop()
        assert server.close() == 0

    def test_who_looks_on_has_little_for_itself(self, tmp_path):
        server = Server(tmp_path, "numpy,matplotlib.pyplot")
        watch = watch_of(server)
        cell = server.start(cpu_seconds=0.1)
        cell.execute("while True: pass")
        assert cell.exited()["reason"] == "cpu"
        assert private(watch) < 12_000_000
        assert server.close() == 0

    def test_without_a_watch_there_are_no_kernels(self, tmp_path):
        server = Server(tmp_path)
        watch = watch_of(server)
        cell = server.start()
        kill(watch)
        assert server.process.wait(60) == 0
        assert gone(cell.pid)
        cell.hang_up()
        server.close()

    def test_it_dies_with_a_fork_server_that_is_killed(self, tmp_path):
        server = Server(tmp_path)
        watch = watch_of(server)
        kill(server.process.pid)
        assert gone(watch)
        server.close()


def test_a_reaper_spares_what_is_its_own():
    code = """
import os, signal, time
from sagecell_tx.kernelside.forkserver.reaper import Reaper
pids = []
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        signal.pause()
    pids.append(pid)
own, orphan = pids
reaper = Reaper(lambda kernel: None, own=(own,))
dead = os.fork()
if dead == 0:
    os._exit(0)
os.waitid(os.P_PID, dead, os.WEXITED | os.WNOWAIT)
reaper.reap()
print(os.waitpid(orphan, 0)[1], os.waitpid(own, os.WNOHANG))
os.kill(own, 9)
"""
    told = subprocess.check_output([sys.executable, "-P", "-c", code], text=True)
    assert told.split() == ["9", "(0,", "0)"]
