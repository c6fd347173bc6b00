"""What Linux counts for each user, bounded for the one user of a kernel's own namespace.

Without root, all kernels are one user outside of their namespaces, who has a limit on all of it
together: what one kernel may have of that is said here, so that none has everything.

Source: Documentation/admin-guide/sysctl/user.rst of Linux.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

#: No more namespaces, whatever else forbids them; of inotify, what a program that waits for a
#: file or two needs: by default Linux lets a user have 128 instances.
LIMITS: Mapping[str, int] = {
    **{
        f"max_{kind}_namespaces": 0
        for kind in ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
    },
    "max_fanotify_groups": 0,
    "max_fanotify_marks": 0,
    "max_inotify_instances": 4,
    "max_inotify_watches": 1024,
}


def set_all(limits: Mapping[str, int] = LIMITS) -> None:
    """Bound this user namespace; takes CAP_SYS_RESOURCE in it, and its own /proc. Raises OSError."""
    for name, most in limits.items():
        with (
            suppress(FileNotFoundError),  # Linux was built without what it would limit
            open(f"/proc/sys/user/{name}", "w", encoding="ascii") as file,
        ):
            file.write(str(most))
