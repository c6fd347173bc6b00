"""The processes that there are, and what Linux says of each in one line."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable, Iterator

from attrs import frozen

_PAGE = resource.getpagesize()
_TICK = os.sysconf("SC_CLK_TCK")


@frozen(kw_only=True)
class Process:
    """A line of the table of processes. Times are in seconds, `resident` in bytes.

    `own` is the processor time of the process itself, `waited` that of children that it waited
    for. `faults` are the pages that it was given when it first touched them. `born` is in seconds
    since the system started; a pid and a birth together are never another's.
    """

    pid: int
    parent: int
    session: int
    running: bool
    faults: int
    own: float
    waited: float
    threads: int
    born: float
    resident: int

    @property
    def key(self) -> tuple[int, float]:
        """Which process it is, among all that have had its pid."""
        return self.pid, self.born

    @property
    def cpu(self) -> float:
        """Processor time, that of children that were waited for included."""
        return self.own + self.waited


def read(pid: int) -> Process | None:
    """One process; None if there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as stat:
            # The command's name comes before, in parentheses, and may contain anything.
            fields = stat.read(4096).rpartition(b")")[2].split()
        # Numbered as in proc_pid_stat(5), where the third comes first here.
        return Process(
            pid=pid,
            running=fields[0] == b"R",
            parent=int(fields[1]),
            session=int(fields[3]),
            faults=int(fields[7]) + int(fields[9]),
            own=(int(fields[11]) + int(fields[12])) / _TICK,
            waited=(int(fields[13]) + int(fields[14])) / _TICK,
            threads=int(fields[17]),
            born=int(fields[19]) / _TICK,
            resident=int(fields[21]) * _PAGE,
        )
    except (OSError, IndexError, ValueError):
        return None  # gone meanwhile


def by_parent() -> dict[int, list[Process]]:
    """All processes that there are."""
    table: dict[int, list[Process]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            process = read(int(name))
            if process is not None:
                table.setdefault(process.parent, []).append(process)
    return table


def tree(root: int, below: dict[int, list[Process]]) -> Iterator[Process]:
    """A process and all that descend from it."""
    own = read(root)
    if own is not None:
        yield own
    waiting = [root]
    while waiting:
        for process in below.get(waiting.pop(), []):
            yield process
            waiting.append(process.pid)


def descriptors(processes: Iterable[Process]) -> Iterator[os.stat_result]:
    """What the descriptors of some processes stand for; the same thing may come often."""
    for process in processes:
        directory = f"/proc/{process.pid}/fd"
        try:
            names = os.listdir(directory)
        except OSError:
            continue  # gone meanwhile
        for name in names:
            try:
                yield os.stat(f"{directory}/{name}")
            except OSError:
                continue
