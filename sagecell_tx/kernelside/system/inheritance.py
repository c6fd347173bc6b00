"""What a forked process has from its parent and must not keep: signal handlers and descriptors."""

from __future__ import annotations

import os
import signal


def reset_signals() -> None:
    """Signals are this process's own from now on, and no longer told to the parent.

    SIGINT stays as the parent has it: ignored.
    """
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def close_all_but(*kept: int) -> None:
    """Close all descriptors above 2 but these.

    Objects that own one of the others must never be freed, since its number may be another's by
    then: a process that has called this ends by `os._exit`.
    """
    following = 3
    for descriptor in sorted(kept):
        os.closerange(following, descriptor)
        following = descriptor + 1
    os.closerange(following, os.sysconf("SC_OPEN_MAX"))
