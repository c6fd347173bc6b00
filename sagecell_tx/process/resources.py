"""What this process has of the machine: as many descriptors as it may, and no memory or time for nothing.

Also what is left of the machine's memory.
"""

from __future__ import annotations

import ctypes
import gc
import os
import resource
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.application.internet import TimerService
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool

from sagecell_tx.process.slices import ask_for_short_slices

#: How often memory is given back, in seconds.
TRIM = 60.0


def allow_many_descriptors() -> None:
    """A session takes about a dozen descriptors, and the usual soft limit is 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def available_memory() -> int:
    """The bytes that can be used without swapping; 0 if Linux does not say. See proc_meminfo(5)."""
    with suppress(OSError, ValueError), open("/proc/meminfo", "rb") as figures:
        for line in figures:
            if line.startswith(b"MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0


def allowed_threads(root: Path = Path("/")) -> int:
    """How many threads there may be, of all that share a limit with this process; 0 if Linux does not say.

    The lowest limit of the machine, of the account and of the control groups of this process. `root` is where ``proc`` and
    ``sys`` are.

    Source: proc_sys_kernel(5), getrlimit(2), Documentation/admin-guide/cgroup-v2.rst of Linux.
    """
    limits = [_number(root / "proc/sys/kernel" / name) for name in ("pid_max", "threads-max")]
    most, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    if os.geteuid() != 0 and most != resource.RLIM_INFINITY:  # root is exempt
        limits.append(most)
    groups = root / "sys/fs/cgroup"
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text("utf-8").splitlines():
            if line.startswith("0::/"):
                own = groups / line.removeprefix("0::/")
                within = (own, *(each for each in own.parents if each.is_relative_to(groups)))
                limits += [_number(each / "pids.max") for each in within]
    return min(filter(None, limits), default=0)


def _number(file: Path) -> int:
    """The number in a file; 0 if there is none."""
    with suppress(OSError, ValueError):
        return int(file.read_text("ascii"))
    return 0


def spare_the_collector() -> None:
    """Let Python's collector of cyclic garbage go through nothing that there is now.

    To be called when a server is ready: what it has then stays. A full collection would go through all of it
    each time, 60 ms in which nobody is served.
    """
    gc.collect()
    gc.freeze()


def settle() -> None:
    """What a server does for itself when it is ready, in the thread of its reactor."""
    spare_the_collector()
    ask_for_short_slices()


def trimming(reactor: IReactorFromThreads, threads: Any) -> TimerService:
    """A service that gives memory back again and again, in one of these threads."""
    return TimerService(TRIM, deferToThreadPool, reactor, threads, give_back_memory)


def give_back_memory() -> None:
    """Give what is free of the C heaps back to the system. For a thread: others go on meanwhile.

    By itself glibc gives back the end of a heap only. A burst of output ends in the heap of
    ZMQ's thread, and one small piece that outlives it would keep all of it.
    Source: malloc_trim(3). Other C libraries have no such thing, and nothing happens.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
