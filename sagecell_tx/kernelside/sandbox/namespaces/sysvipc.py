"""Limits on the System V objects of a kernel, in its own IPC namespace.

Detached segments of shared memory, waiting messages and semaphores belong to no process, so the
monitor cannot count them. Linux limits them for each IPC namespace. For POSIX message queues,
Linux's limit of 800 KB for each user suffices.

Source: Documentation/admin-guide/sysctl/kernel.rst of Linux; proc_sys_kernel(5).
"""

from __future__ import annotations

import resource
from collections.abc import Mapping
from contextlib import suppress

from sagecell_tx.kernelside.startcommand import StartCommand

#: The part of a kernel's memory limit that it may have, in addition, as System V shared memory.
_PART = 8


def bounds(start: StartCommand) -> dict[str, str]:
    """The limits of a kernel: texts for files in /proc/sys/kernel, by name."""
    shared = start.limits.memory_bytes // _PART
    return {
        "shmall": str(shared // resource.getpagesize()),  # pages, in all
        "shmmni": "256",  # segments
        "msgmni": "16",  # queues, of 16 KiB each
        "msgmnb": "16384",
        "sem": "250 1024 100 128",  # in a set, in all, in an operation, sets
    }


def bound(texts: Mapping[str, str]) -> bool:
    """Limit this process's IPC namespace; returns whether that succeeded.

    Needs root of the user namespace that owns it, and Linux 5.19.
    """
    done = False
    with suppress(OSError):
        for name, text in texts.items():
            with open(f"/proc/sys/kernel/{name}", "wb", buffering=0) as file:
                file.write(text.encode("ascii"))
        done = True
    return done
