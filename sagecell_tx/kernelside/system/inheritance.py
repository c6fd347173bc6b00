"""Drops what a forked process inherits and must not keep: signal handlers and descriptors."""

from __future__ import annotations

import os
import signal


def reset_signals() -> None:
    """Reset SIGCHLD and SIGTERM, and stop writing signals to the parent's wakeup pipe.

    SIGINT stays ignored, as in the parent.
    """
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def close_all_but(*kept: int) -> None:
    """Close all descriptors above 2 but these.

    An object that owns a closed one must never be freed: it would close the number again, which may
    belong to another file by then. So a process that has called this ends by `os._exit`.
    """
    following = 3
    for descriptor in sorted(kept):
        os.closerange(following, descriptor)
        following = descriptor + 1
    os.closerange(following, os.sysconf("SC_OPEN_MAX"))
