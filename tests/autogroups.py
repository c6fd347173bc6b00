"""What Linux says of the scheduling group that a process's session has."""

from __future__ import annotations

from pathlib import Path

#: Whether Linux has such groups here.
HERE = Path("/proc/self/autogroup").exists()


def nice_of_group(pid: int) -> int:
    """The nice value of a process's group: 0 for a process that is gone or has none.

    A process in the session of the first process has none: of it, Linux says nothing.
    """
    try:
        told = Path(f"/proc/{pid}/autogroup").read_text("ascii").split()
    except OSError:
        return 0
    return int(told[-1]) if told else 0
