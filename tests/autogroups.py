"""The scheduling group (autogroup) of a process's session, as Linux reports it."""

from __future__ import annotations

from pathlib import Path

#: Whether this Linux has autogroups.
HERE = Path("/proc/self/autogroup").exists()


def nice_of_group(pid: int) -> int:
    """The nice value of a process's group: 0 for a process that has ended or has none.

    Processes in the session of pid 1 have none.
    """
    try:
        told = Path(f"/proc/{pid}/autogroup").read_text("ascii").split()
    except OSError:
        return 0
    return int(told[-1]) if told else 0
