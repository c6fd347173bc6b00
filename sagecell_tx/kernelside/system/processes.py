"""Relations between processes: signals at a parent's death, orphans, children, groups."""

from __future__ import annotations

import os
import signal

from sagecell_tx.kernelside.system import linux


def die_with(parent: int, how: signal.Signals = signal.SIGKILL) -> None:
    """Have Linux send this process the signal `how` when its parent, `parent`, ends.

    If the parent has ended before the call, sends itself the signal at once.
    """
    linux.prctl(linux.PR_SET_PDEATHSIG, how)
    if os.getppid() != parent:
        os.kill(os.getpid(), how)


def adopt_orphans() -> None:
    """Make this process, instead of init, the new parent of descendants whose parent ends."""
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)


def children() -> set[int]:
    """The pids of this process's children, zombies included.

    /proc/<pid>/task/<tid>/children would need one read, but not every Linux is built with it, so
    the parent of each process is looked up.
    """
    parent = os.getpid()
    return {
        pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _ppid(pid) == parent
    }


def foreground() -> set[int]:
    """The pids of this process's children that run, and belong to its own process group."""
    group = os.getpgrp()
    return {pid for pid in children() if _stat(pid, 5) == group and _runs(pid)}


def _runs(child: int) -> bool:
    try:
        return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:
        return False  # another thread has waited for it


def birth(pid: int) -> int | None:
    """When a process began, in clock ticks since the boot; None if there is no such process.

    A pid and a birth together identify a process until the next boot.
    """
    return _stat(pid, 22)


def _ppid(pid: int) -> int | None:
    return _stat(pid, 4)


def _stat(pid: int, number: int) -> int | None:
    """A field of a process, numbered as in proc_pid_stat(5)."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as stat:
            # The command name before them is in parentheses and may contain anything.
            return int(stat.read(4096).rpartition(b")")[2].split()[number - 3])
    except (OSError, IndexError, ValueError):
        return None  # it has ended


def kill_group(leader: int, number: int) -> None:
    """Send a signal to the process group of `leader`, or to `leader` alone if it has none yet.

    `leader` must be a child that is not reaped yet, so that its pid cannot be reused.
    """
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        os.kill(leader, number)


def threads() -> int:
    """The number of this process's threads, including those that Python does not know."""
    return len(os.listdir("/proc/self/task"))
