"""What the processes of kernels use, as Linux tells it in ``/proc``.

All processes are read once, whatever the number of kernels. The first process of a kernel is named by
the fork server, which is not trusted: what is found is shown to operators and decides nothing.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from attrs import frozen

from sagecell_tx.sessions.interfaces import Usage

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@frozen
class ProcessUsage:
    """One process: its parent, seconds of the processor with those of children that have ended, bytes of memory."""

    parent: int
    cpu_seconds: float
    memory_bytes: int


def parse_stat(line: bytes) -> ProcessUsage | None:
    """The line of ``/proc/<pid>/stat``; None for anything else. A program chooses the name in it.

    Source: proc_pid_stat(5)
    """
    fields = line.rpartition(b")")[2].split()
    try:
        parent, ticks, pages = int(fields[1]), sum(map(int, fields[11:15])), int(fields[21])
    except (ValueError, IndexError):
        return None
    return ProcessUsage(parent, ticks / _TICKS, pages * _PAGE)


def read_processes(proc: Path = Path("/proc")) -> dict[int, ProcessUsage]:
    """All processes by pid."""
    found = {}
    with os.scandir(proc) as entries:
        pids = [entry.name for entry in entries if entry.name.isdigit()]
    for pid in pids:
        with suppress(OSError):  # it has ended
            usage = parse_stat((proc / pid / "stat").read_bytes())
            if usage is not None:
                found[int(pid)] = usage
    return found


def usages_of(pids: Mapping[str, int], proc: Path = Path("/proc")) -> dict[str, Usage]:
    """What the process trees below `pids` use, by the same names. Takes some milliseconds: for a thread."""
    processes = read_processes(proc)
    children = defaultdict(list)
    for pid, process in processes.items():
        children[process.parent].append(pid)
    found = {}
    for name, first in pids.items():
        if first > 1 and first in processes:
            tree = [processes[pid] for pid in _tree(first, children)]
            found[name] = Usage(
                cpu_seconds=sum(each.cpu_seconds for each in tree),
                memory_bytes=sum(each.memory_bytes for each in tree),
            )
    return found


def _tree(first: int, children: Mapping[int, list[int]]) -> Iterator[int]:
    waiting, seen = [first], set[int]()
    while waiting:
        pid = waiting.pop()
        if pid not in seen:  # a pid may be taken anew while all are read
            seen.add(pid)
            yield pid
            waiting += children.get(pid, ())
