"""The thread that serves everybody has the processor soon after it wakes up."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sagecell_tx.process.slices import SHORTEST, present_slice

#: In a process of its own, whose slices stay short: prints those of this thread, of another one and of a child.
PROGRAM = """
import os, threading
from sagecell_tx.process.slices import ask_for_short_slices, present_slice

os.nice(3)
usual, found = present_slice(), []
accepted = ask_for_short_slices()
found.append(present_slice())
thread = threading.Thread(target=lambda: found.append(present_slice()))
thread.start()
thread.join()
if os.fork() == 0:
    os._exit(present_slice() != usual)
print(accepted, found[0], found[1] == usual, os.waitpid(-1, 0)[1], os.nice(0))
"""


def test_this_thread_has_short_slices_and_what_it_starts_has_not():
    if not present_slice():
        pytest.skip("Linux does not tell slices before 6.12")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"True {SHORTEST} True 0 3\n"
