"""Limits on what Linux counts for each user, set in a kernel's own user namespace.

Without root, all kernels are the same user outside of their namespaces, and share that user's
limits. These limits keep one kernel from using them up.

Source: Documentation/admin-guide/sysctl/user.rst of Linux.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

#: No further namespaces, and no notes on who opens which file, even without a filter of system calls.
LIMITS: Mapping[str, int] = {
    **{
        f"max_{kind}_namespaces": 0
        for kind in ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
    },
    "max_fanotify_groups": 0,
    "max_fanotify_marks": 0,
    "max_inotify_instances": 0,
    "max_inotify_watches": 0,
}


def set_all(limits: Mapping[str, int] = LIMITS) -> None:
    """Limit this user namespace; needs CAP_SYS_RESOURCE in it and a /proc. Raises OSError."""
    for name, most in limits.items():
        with (
            suppress(FileNotFoundError),  # Linux was built without that resource
            open(f"/proc/sys/user/{name}", "w", encoding="ascii") as file,
        ):
            file.write(str(most))
