"""What the kernels' process trees take together, looked at now and then.

The limits of the operating system hold for single processes. What a kernel spreads over
many is added up here: memory, processor time, processes, and files where the system does
not bound them. Who has taken more than it may is named, with the word for why.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress

from attrs import define, field, frozen

from sagecell_tx.kernelside.diskuse import DiskUse
from sagecell_tx.kernelside.sandbox import view
from sagecell_tx.kernelside.start import Start

#: Between two looks, in seconds.
INTERVAL = 0.5

_PAGE = resource.getpagesize()
_TICK = os.sysconf("SC_CLK_TCK")

#: Entries of a kernel's directory that are counted at most, in one look.
_ENTRIES = 5_000


@frozen
class Excess:
    """A kernel that has to end, and why: ``cpu``, ``memory``, ``processes`` or ``disk``."""

    kernel_id: str
    reason: str


@frozen
class Near:
    """A kernel that has so many seconds of processor time left. Said once."""

    kernel_id: str
    seconds: int


@frozen
class Process:
    """A line of the table of processes.

    `cpu` is in seconds, those of children that were waited for included; `resident` in bytes.
    """

    pid: int
    parent: int
    cpu: float
    resident: int
    threads: int


@define(eq=False)
class _Watched:
    pid: int
    disk: DiskUse | None
    limits: Mapping[str, float]  # not the start command: it has a key that no other kernel may see
    cpu: float = 0.0  # seconds, the most that was seen
    warned: bool = False

    def time_left(self) -> int | None:
        """Whole seconds of processor time, if it is to be warned of them now."""
        most, ahead = self.limits.get("cpu"), self.limits.get("warning", 0)
        if most is None or self.warned or most < 2 * ahead or self.cpu < most - ahead:
            return None
        self.warned = True
        return max(1, round(most - self.cpu))


@define
class Watch:
    """The kernels that are watched, by id. `interval` is between two looks, in seconds."""

    interval: float = INTERVAL
    _watched: dict[str, _Watched] = field(factory=dict, init=False)
    _next: float = field(default=0.0, init=False)

    def add(self, kernel_id: str, pid: int, start: Start) -> None:
        """Watch a kernel from now on."""
        if not self._watched:
            self._next = time.monotonic() + self.interval
        self._watched[kernel_id] = _Watched(pid, _disk_use(start), start.limits)

    def forget(self, kernel_id: str) -> None:
        """Nothing is left of a kernel."""
        watched = self._watched.pop(kernel_id, None)
        if watched is not None and watched.disk is not None:
            watched.disk.close()

    def wait(self) -> float | None:
        """Seconds until the next look; None while there is nobody to look at."""
        return max(0.0, self._next - time.monotonic()) if self._watched else None

    def look(self) -> list[Excess | Near]:
        """Those who have taken too much, or nearly; nobody before it is time to look."""
        if not self._watched or time.monotonic() < self._next:
            return []
        below = _by_parent()
        found: list[Excess | Near] = []
        for kernel_id, watched in self._watched.items():
            reason = _excess(watched, list(_tree(watched.pid, below)))
            if reason is not None:
                found.append(Excess(kernel_id, reason))
            elif (seconds := watched.time_left()) is not None:
                found.append(Near(kernel_id, seconds))
        self._next = time.monotonic() + self.interval
        return found


def _excess(watched: _Watched, tree: list[Process]) -> str | None:
    """Why a kernel has to end, or None."""
    watched.cpu = max(watched.cpu, sum(process.cpu for process in tree))
    limit = watched.limits.get
    cpu, memory = limit("cpu"), limit("memory")
    if cpu is not None and watched.cpu > cpu:
        return "cpu"
    processes = limit("processes")
    if processes is not None and sum(process.threads for process in tree) > processes:
        return "processes"
    if memory is not None:
        own_files = _file_system(watched.pid)
        # Most of a kernel's pages are shared, so this is often enough to know, and cheap.
        if own_files + sum(process.resident for process in tree) > memory:
            taken = own_files + sum(_proportional(process.pid) for process in tree)
            if taken > memory:
                return "memory"
    if watched.disk is not None and watched.disk.exceeds(_ENTRIES):
        return "disk"
    return None


def _disk_use(start: Start) -> DiskUse | None:
    """The count of what is in a kernel's directory, if that is limited."""
    most = start.limits.get("directory")
    if most is not None:
        with suppress(OSError):
            root = os.open(start.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            return DiskUse(root=root, most=most)
    return None


def _by_parent() -> dict[int, list[Process]]:
    """All processes that there are."""
    table: dict[int, list[Process]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            process = _process(int(name))
            if process is not None:
                table.setdefault(process.parent, []).append(process)
    return table


def _process(pid: int) -> Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as stat:
            # The command's name comes before, in parentheses, and may contain anything.
            fields = stat.read(4096).rpartition(b")")[2].split()
        # Numbered as in proc_pid_stat(5), where the third comes first here.
        return Process(
            pid=pid,
            parent=int(fields[1]),
            cpu=sum(map(int, fields[11:15])) / _TICK,
            threads=int(fields[17]),
            resident=int(fields[21]) * _PAGE,
        )
    except (OSError, IndexError, ValueError):
        return None  # gone meanwhile


def _tree(root: int, below: dict[int, list[Process]]) -> Iterator[Process]:
    """A process and all that descend from it."""
    own = _process(root)
    if own is not None:
        yield own
    waiting = [root]
    while waiting:
        for process in below.get(waiting.pop(), []):
            yield process
            waiting.append(process.pid)


def _proportional(pid: int) -> int:
    """Bytes of memory, where what is shared is divided among those that share it."""
    with suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/smaps_rollup", "rb") as all_:
        for line in all_:
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _file_system(pid: int) -> int:
    """Bytes in the kernel's own file system, if it has one: it is in memory."""
    with suppress(OSError):
        own = f"/proc/{pid}/root{view.HOME}"
        if os.stat(own).st_dev != os.stat(view.HOME).st_dev:
            size = os.statvfs(own)
            return (size.f_blocks - size.f_bfree) * size.f_frsize
    return 0
