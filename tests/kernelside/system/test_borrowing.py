"""Processes that borrow the memory of their parent."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sagecell_tx.kernelside.system import borrowing

pytestmark = pytest.mark.skipif(
    not borrowing.available(), reason="memory cannot be lent with this C library"
)

BEGINNING = """
import os, sys
from sagecell_tx.kernelside.system import linux, processes
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


@pytest.mark.parametrize(
    ("program", "printed"),
    [
        (SHARES, "1 True\n"),
        (FAILS, "'within'\nInvalid argument\n"),
        (FORKS, "900 1 7\n"),
    ],
)
def test_borrowed_memory(program, printed):
    done = subprocess.run(
        [sys.executable, "-P", "-c", BEGINNING + program], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr, done.returncode) == (printed, "", 0)
