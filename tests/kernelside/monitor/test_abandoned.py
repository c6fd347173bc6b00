"""What a fork server that was killed has left of its kernels."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import pytest

from sagecell_tx.kernelside.monitor import monitor
from sagecell_tx.kernelside.monitor.abandoned import kill_all
from sagecell_tx.kernelside.monitor.usage import UsageWatch, WatchTarget
from sagecell_tx.kernelside.system import processtable
from tests.kernelside.driving import gone
from tests.kernelside.limits import roomy

pytestmark = pytest.mark.integration

#: A kernel with a process in a session of its own, which prints its pid.
KERNEL = """
import os, signal
from sagecell_tx.kernelside.system import processes
processes.adopt_orphans()
if os.fork() == 0:
    os.setsid()
    if pid := os.fork():
        print(pid, flush=True)
        os._exit(0)
signal.pause()
"""


def test_processes_that_have_lost_their_kernel_end_as_well():
    kernel = subprocess.Popen([sys.executable, "-c", KERNEL], stdout=subprocess.PIPE)
    assert kernel.stdout is not None
    daemon = int(kernel.stdout.readline())
    watch = UsageWatch(interval=0.0)
    watch.add(1, WatchTarget(pid=kernel.pid), roomy())
    assert watch.check() == []
    with kernel:
        kernel.kill()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.close()  # the fork server has ended
    with theirs:
        monitor.serve(theirs, watch)
    watch.forget(1)
    assert gone(daemon)


def test_nobody_else_does():
    """A number may be used again by then."""
    sleeper = subprocess.Popen(["sleep", "1000"])
    this = processtable.read(sleeper.pid)
    assert this is not None
    kill_all([(sleeper.pid, this.born - 1)])
    kill_all([])
    assert sleeper.poll() is None
    kill_all([this.key])
    with sleeper:
        assert sleeper.wait() == -signal.SIGKILL


def test_those_that_came_later_are_found_below_them():
    code = (
        "import os, signal; pid = os.fork(); print(pid, flush=True) if pid else 0; signal.pause()"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    this = processtable.read(parent.pid)
    assert this is not None
    kill_all([this.key])
    with parent:
        assert gone(child)
