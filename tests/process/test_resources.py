"""The process takes the descriptors that it may have, and gives back memory that is free."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from sagecell_tx.process.resources import (
    allow_many_descriptors,
    allowed_threads,
    available_memory,
    give_back_memory,
)

BLOCK = 64 * 1024
COUNT = 1024


def resident() -> int:
    """Bytes of this process that are in memory."""
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def libc():
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    return libc


def test_what_a_few_blocks_keep_from_the_system_is_given_back(libc):
    blocks = [libc.malloc(BLOCK) for _ in range(COUNT)]
    for block in blocks:
        ctypes.memset(block, 1, BLOCK)
    kept = blocks[COUNT // 2 :: 64]
    for block in set(blocks) - set(kept):
        libc.free(block)
    before = resident()
    give_back_memory()
    assert before - resident() > BLOCK * COUNT / 4
    for block in kept:
        libc.free(block)


def test_what_is_available_is_a_part_of_the_machines_memory():
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < available_memory() < total


def test_the_limit_of_descriptors_is_the_highest(request):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    request.addfinalizer(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)))
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, hard - 1), hard))
    allow_many_descriptors()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)


def test_the_lowest_limit_of_threads(tmp_path):
    """Those of this machine, and of the groups around this process."""
    assert allowed_threads() > 0
    assert allowed_threads(tmp_path) in (0, resource.getrlimit(resource.RLIMIT_NPROC)[0])
    files = {
        "proc/sys/kernel/pid_max": "40",
        "proc/sys/kernel/threads-max": "50",
        "proc/self/cgroup": "5:pids:/other\n0::/system.slice/cells.service\n",
        "sys/fs/cgroup/system.slice/cells.service/pids.max": "max",
        "sys/fs/cgroup/system.slice/pids.max": "30",
        "sys/fs/cgroup/pids.max": "60",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n", "ascii")
    assert allowed_threads(tmp_path) == 30
    (tmp_path / "sys/fs/cgroup/system.slice/pids.max").write_text("max\n", "ascii")
    assert allowed_threads(tmp_path) == 40


def test_the_collector_goes_through_what_came_later_only():
    """In a process of its own: what is taken from the collector is so for good."""
    program = """
import gc
from sagecell_tx.process.resources import spare_the_collector

class Node:
    pass

def loop():
    node = Node()
    node.itself = node
    return node

kept, garbage = loop(), loop()
del garbage
spare_the_collector()
nodes = sum(isinstance(each, Node) for each in gc.get_objects())
later = loop()
del later
print(nodes, gc.get_freeze_count() > 1000, gc.collect() > 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "0 True True\n"
