"""Processes according to /proc: descent, memory, processor time."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from attrs import frozen

_TICKS = os.sysconf("SC_CLK_TCK")

# Fields of /proc/<pid>/stat after the command's name, counted from 0.
_PARENT = 1
_UTIME = 11
_STIME = 12
_THREADS = 17
_STARTED = 19


@frozen
class Memory:
    """Bytes of one or several processes.

    `proportional` counts a page shared by n processes as 1/n (PSS), `own` counts only what
    no other process shares (USS).
    """

    proportional: int
    own: int


def children(parents: Collection[int]) -> set[int]:
    """The pids of the direct children of these processes."""
    return {pid for pid in _all() if _parent(pid) in parents}


def trees(roots: Collection[int]) -> set[int]:
    """The pids of these processes and of all their descendants."""
    found = set(roots)
    while more := children(found) - found:
        found |= more
    return found


def watches(fork_servers: Collection[int]) -> set[int]:
    """The monitors of these fork servers: each is forked before any kernel."""
    forked = (sorted(children([server]), key=started) for server in fork_servers)
    return {pids[0] for pids in forked if pids}


def _all() -> Iterator[int]:
    return map(int, filter(str.isdigit, os.listdir("/proc")))


def _parent(pid: int) -> int:
    """The parent of a process; 0 for one that has ended."""
    stat = _stat(pid)
    return int(stat[_PARENT]) if stat else 0


def started(pid: int) -> tuple[int, int]:
    """A sort key for the start of a process; one that has ended comes first."""
    stat = _stat(pid)
    return (int(stat[_STARTED]) if stat else 0, pid)


def memory(pids: Iterable[int]) -> Memory:
    """The sum over these processes; those that have ended count nothing."""
    proportional = own = 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
        except OSError:
            continue
        for line in rollup.splitlines():
            name, _, value = line.partition(":")
            if name == "Pss":
                proportional += int(value.split()[0])
            elif name in ("Private_Clean", "Private_Dirty"):
                own += int(value.split()[0])
    return Memory(proportional * 1024, own * 1024)


def peak(pid: int) -> int:
    """The peak of a process's resident memory, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8", "replace")
    return next(
        int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")
    )


def cpu_seconds(pid: int) -> float:
    """Processor time of a process with all its threads, without its children."""
    stat = _stat(pid)
    return (int(stat[_UTIME]) + int(stat[_STIME])) / _TICKS if stat else 0.0


def threads(pid: int) -> int:
    """The number of a process's threads."""
    stat = _stat(pid)
    return int(stat[_THREADS]) if stat else 0


def descriptors(pid: int) -> int:
    """The number of a process's open file descriptors."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def _stat(pid: int) -> list[bytes]:
    """The fields of /proc/<pid>/stat after the command's name; none if the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return []
