"""What Linux offers to tie processes together: who dies with whom, and who reaps whom."""

from __future__ import annotations

import os
import signal

from sagecell_tx.kernelside.system import linux


def die_with(parent: int, how: signal.Signals = signal.SIGKILL) -> None:
    """The signal `how` will come when the process `parent`, our parent, ends.

    The kernel tells nobody about a parent that was gone before the call, so that case ends
    this process at once.
    """
    linux.prctl(linux.PR_SET_PDEATHSIG, how)
    if os.getppid() != parent:
        os.kill(os.getpid(), how)


def adopt_orphans() -> None:
    """Descendants whose parent ends become children of this process, not of init."""
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)


def children() -> set[int]:
    """The pids of this process's children, zombies included.

    /proc/<pid>/task/<tid>/children would say it in one read, but not every kernel is built
    with it, so the parent of each process is looked up.
    """
    parent = os.getpid()
    return {
        pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _ppid(pid) == parent
    }


def birth(pid: int) -> int | None:
    """When a process began, in ticks since the system did; None if there is none.

    No other process has the same pid and the same birth, before the system starts anew.
    """
    return _stat(pid, 22)


def _ppid(pid: int) -> int | None:
    return _stat(pid, 4)


def _stat(pid: int, number: int) -> int | None:
    """A field of a process, numbered as in proc_pid_stat(5)."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as stat:
            # The command's name comes before, in parentheses, and may contain anything.
            return int(stat.read(4096).rpartition(b")")[2].split()[number - 3])
    except (OSError, IndexError, ValueError):
        return None  # gone meanwhile


def kill_group(leader: int, number: int) -> None:
    """Send a signal to the process group of `leader`, or to it alone while it has none.

    `leader` must be a child not yet waited for: its pid, and the group's, are then its own.
    """
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        os.kill(leader, number)


def threads() -> int:
    """How many threads this process has, those that Python does not know included."""
    return len(os.listdir("/proc/self/task"))
