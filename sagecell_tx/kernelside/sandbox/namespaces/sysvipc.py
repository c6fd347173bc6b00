"""System V objects of a kernel: bounded in its own namespace, for they are in nobody's pages.

Detached segments of shared memory, messages that wait and semaphores belong to no process, so
the watch cannot count them. Linux bounds them for each IPC namespace. POSIX message
queues need no more than the limit of 800 KB that each user has.

Source: Documentation/admin-guide/sysctl/kernel.rst of Linux; proc_sys_kernel(5).
"""

from __future__ import annotations

import resource
from collections.abc import Mapping
from contextlib import suppress

from sagecell_tx.kernelside.startcommand import StartCommand

#: The part of a kernel's memory that it may have as shared memory of System V, besides.
_PART = 8


def bounds(start: StartCommand) -> dict[str, str]:
    """What is written to the files of /proc/sys/kernel, by name."""
    shared = start.limits.memory_bytes // _PART
    return {
        "shmall": str(shared // resource.getpagesize()),  # pages, in all
        "shmmni": "256",  # segments
        "msgmni": "16",  # queues, of 16 KiB each
        "msgmnb": "16384",
        "sem": "250 1024 100 128",  # in a set, in all, in an operation, sets
    }


def bound(texts: Mapping[str, str]) -> bool:
    """Bound this process's namespace; takes root of its owner, and Linux 5.19.

    False where that cannot be had.
    """
    done = False
    with suppress(OSError):
        for name, text in texts.items():
            with open(f"/proc/sys/kernel/{name}", "wb", buffering=0) as file:
                file.write(text.encode("ascii"))
        done = True
    return done
