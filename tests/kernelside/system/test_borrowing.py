"""Processes that borrow the memory of their parent."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from sagecell_tx.kernelside.system import borrowing

pytestmark = pytest.mark.skipif(
    not borrowing.available(), reason="memory cannot be lent with this C library"
)

BEGINNING = """
import os, sys
from sagecell_tx.kernelside.system import borrowing, linux, processes
from sagecell_tx.kernelside.system.borrowing import Lender
lender = Lender()
"""

SHARES = """
seen = []
lender.run(0, lambda: seen.append(os.getpid()))
print(len(seen), seen[0] != os.getpid())
"""

FAILS = """
def fail():
    raise KeyError("within")
try:
    lender.run(0, fail)
except KeyError as error:
    print(error)
try:
    lender.run(linux.CLONE_THREAD, fail)  # not without shared signal handlers
except OSError as error:
    print(error.strerror)
"""

#: What is forked by the innermost is a child of this process, has its own memory, and may recurse.
FORKS = """
processes.adopt_orphans()
pids, read_end, write_end = [], *os.pipe()

def deep(levels):
    return levels and 1 + deep(levels - 1)

def fork():
    pid = os.fork()
    if pid == 0:
        pids.append("only here")
        os.write(write_end, b"%d" % deep(900))
        os._exit(7)
    pids.append(pid)

lender.run(0, lambda: lender.run(0, fork))
print(os.read(read_end, 10).decode(), len(pids), os.waitstatus_to_exitcode(os.waitpid(pids[0], 0)[1]))
"""

#: Without the garbage collector, as in the fork server once it has loaded everything.
LETS_GO = """
import gc, weakref
gc.disable()
class Error(Exception):
    pass
def fail():
    raise Error
try:
    lender.run(0, lambda: lender.run(0, fail))
except Error as error:
    gone = weakref.ref(error)
print(gone())
"""

#: The C library reads in its memory on which processor it runs, which Linux writes there. Only on x86-64.
KNOWS_ITS_PROCESSOR = """
import ctypes
libc = ctypes.CDLL(None)
def show():
    seen = []
    for processor in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {processor})
        seen.append(libc.sched_getcpu() == processor)
    print(all(seen), flush=True)
    os._exit(0)
def fork():
    pid = os.fork()
    if pid == 0:
        borrowing.register_thread()
        show()
processes.adopt_orphans()
lender.run(0, lambda: lender.run(0, fork))
os.wait()
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-P", "-c", BEGINNING + program]
    return subprocess.run(argv, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("program", "printed"),
    [
        (SHARES, "1 True\n"),
        (FAILS, "'within'\nInvalid argument\n"),
        (FORKS, "900 1 7\n"),
        (LETS_GO, "None\n"),
        pytest.param(
            KNOWS_ITS_PROCESSOR,
            "True\n",
            marks=pytest.mark.skipif(
                platform.machine() != "x86_64", reason="elsewhere the address is not known"
            ),
        ),
    ],
)
def test_borrowed_memory(program, printed):
    done = run(program)
    assert (done.stdout, done.stderr, done.returncode) == (printed, "", 0)


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), 9)", "os._exit(0)"])
def test_what_ends_within_takes_its_parent_along(end):
    """It leaves Python's memory as it was in the middle, and there is no way back from there."""
    done = run(f"lender.run(0, lambda: {end})\nprint('goes on')")
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr == "a process with this one's memory was ended: this one ends as well\n"
