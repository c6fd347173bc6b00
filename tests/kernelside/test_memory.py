"""The holes in memory, as the allocator itself counts them; in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json
from sagecell_tx.kernelside import memory
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
