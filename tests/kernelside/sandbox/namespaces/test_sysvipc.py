"""The limits that are written for a kernel's System V objects."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from sagecell_tx.kernelside.sandbox.namespaces import sysvipc
from sagecell_tx.kernelside.startcommand import TRIAL
from tests.kernelside.limits import start

SHMALL = Path("/proc/sys/kernel/shmall")

PROGRAM = """
import os
from sagecell_tx.kernelside.system import linux
from sagecell_tx.kernelside.sandbox.namespaces import sysvipc
user, group = os.getuid(), os.getgid()
linux.unshare(linux.CLONE_NEWUSER | linux.CLONE_NEWIPC)
for name, text in ("setgroups", "deny"), ("uid_map", f"0 {user} 1"):
    with open(f"/proc/self/{name}", "w") as file:
        file.write(text)
print(sysvipc.bound({"shmall": "77"}), open("/proc/sys/kernel/shmall").read().strip() == "77")
"""


def test_shared_memory_is_a_part_of_what_a_kernel_may_have():
    pages = int(sysvipc.bounds(start(memory_bytes=1 << 30))["shmall"])
    assert pages * resource.getpagesize() == 1 << 27
    assert int(sysvipc.bounds(TRIAL)["shmall"]) > 0


@pytest.mark.integration
def test_root_of_the_namespace_bounds_it_and_no_other():
    before = SHMALL.read_text()
    argv = [sys.executable, "-P", "-c", PROGRAM]
    assert subprocess.check_output(argv, text=True).strip() == "True True"
    assert SHMALL.read_text() == before


def test_what_cannot_be_bounded_is_told():
    assert not sysvipc.bound({"no-such-bound": "1"})
