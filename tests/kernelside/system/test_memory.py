"""The holes in memory, as the allocators report them, and the memory of a kernel."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kernelside.driving import Server, private

PROGRAM = """
import json
from sagecell_tx.kernelside.system import memory
rubbish = [bytes(size) for size in range(480) for _ in range(200)]
kept = rubbish[::3]
del rubbish
free = sum(size * count for size, count in memory._free_blocks())
filling = memory.settle()
left = sum(size * count for size, count in memory._free_blocks())
import gc
print(json.dumps([free, left, gc.isenabled(), gc.get_freeze_count() > 1000, gc.collect()]))
"""


def test_holes_are_filled_and_the_collector_is_kept_off():
    output = subprocess.check_output([sys.executable, "-P", "-c", PROGRAM])
    free, left, enabled, frozen, _ = json.loads(output)
    assert free > 1_000_000
    assert left < 200_000
    assert (enabled, frozen) == (False, True)


@pytest.mark.integration
def test_a_kernel_with_libraries_loaded_has_little_for_itself(tmp_path):
    server = Server(tmp_path, "numpy,matplotlib.pyplot")
    cells = [server.start() for _ in range(2)]
    for cell in cells:
        cell.run("1+1")
    # Shared memory comes on top, divided by the number of kernels.
    assert max(private(cell.pid) for cell in cells) < 12_000_000
    for cell in cells:
        cell.stop()
    assert server.close() == 0


HUGE = """
from sagecell_tx.kernelside.system import memory
kept = [bytes(400) for _ in range(150_000)]
filling = memory.settle()
print(sum(int(line.split()[1]) for line in open("/proc/self/smaps") if line.startswith("AnonHugePages")))
"""

#: Linux can put memory on huge pages at once since 6.1, if it was built with them.
LINUX = tuple(map(int, re.findall(r"\d+", platform.release())[:2]))


@pytest.mark.skipif(
    LINUX < (6, 1) or not Path("/sys/kernel/mm/transparent_hugepage").exists(),
    reason="this Linux cannot collapse memory into huge pages",
)
def test_what_is_forked_is_on_huge_pages():
    output = subprocess.check_output([sys.executable, "-P", "-c", HUGE])
    assert int(output) >= 8 * 1024  # kB, of 65 MB
