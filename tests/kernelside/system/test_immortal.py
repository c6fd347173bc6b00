"""Objects whose references are not counted any more."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sagecell_tx.kernelside.system import immortal

#: Prints which of several objects are counted, and what a process can do with them afterwards.
PROGRAM = """
import gc, os, sys
from sagecell_tx.kernelside.system import immortal

class Node:
    def __init__(self):
        self.me = self

def function(argument, *, other="a constant that is long"):
    return [argument, other, 10**30]

values = [Node(), Node, function, function.__code__, function.__code__.co_consts, "text " * 3, 10**20, (1.5, [2])]

def counted():
    found = []
    for value in values:
        before = sys.getrefcount(value)
        more = [value] * 5
        found.append(sys.getrefcount(value) != before)
    return found

print(set(counted()))
immortal.make_all()
print(set(counted()))
pid = os.fork()
if pid == 0:
    new = [Node() for _ in range(1000)]
    del new
    collected = gc.collect()
    values[0].me = None
    del values[:3], Node
    gc.collect()
    try:
        function(1, 2)
    except TypeError:
        os._exit(7 if function(1)[2] == 10**30 and collected >= 1000 else 1)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.skipif(not immortal.possible(), reason="this Python has no immortal objects")
def test_no_reference_is_counted_afterwards():
    done = subprocess.run([sys.executable, "-P", "-c", PROGRAM], capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("{True}\n{False}\n7\n", "", 0)


@pytest.mark.skipif(immortal.possible(), reason="this Python has immortal objects")
def test_where_there_are_no_immortal_objects_all_stay_as_they_are():
    done = subprocess.run([sys.executable, "-P", "-c", PROGRAM], capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("{True}\n{True}\n7\n", "", 0)
