"""The table of processes, as read from /proc/<pid>/stat."""

from __future__ import annotations

import mmap
import os
import resource
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress

from attrs import evolve, frozen

_PAGE = resource.getpagesize()
_TICK = os.sysconf("SC_CLK_TCK")

#: States of processes that have no memory any more: zombie, and dead.
_ENDED = (b"Z", b"X", b"x")


@frozen(kw_only=True)
class Process:
    """A process at one moment. Times are in seconds, `resident` in bytes.

    `own` is the processor time of the process itself, `waited` that of children that it waited
    for. `faults` is the number of page faults. `born` is in seconds since the boot; with the pid,
    it identifies a process. `thread` is the id of a living thread: if the main thread has ended,
    memory and descriptors of the process can be read only below /proc/<thread>.
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
    thread: int

    @property
    def key(self) -> tuple[int, float]:
        """Identifies the process until the next boot, although pids are reused."""
        return self.pid, self.born

    @property
    def cpu(self) -> float:
        """Processor time in seconds, including that of children that were waited for."""
        return self.own + self.waited


def read(pid: int) -> Process | None:
    """Read one process; None if there is no such process."""
    process, state = _line(pid)
    if process is None or state not in _ENDED or process.threads < 2:
        return process
    with suppress(OSError):
        for thread in map(int, os.listdir(f"/proc/{pid}/task")):
            line, state = _line(thread)
            if line is not None and state not in _ENDED and line.resident:
                return evolve(process, thread=thread, resident=line.resident)
    return process


def _line(pid: int) -> tuple[Process | None, bytes]:
    """A process or a thread, and its state; None and b"" if there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as stat:
            # The command name before them is in parentheses and may contain anything.
            fields = stat.read(4096).rpartition(b")")[2].split()
        # fields[0] is the third field of proc_pid_stat(5).
        process = Process(
            pid=pid,
            thread=pid,
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
        return None, b""  # gone meanwhile
    return process, fields[0]


def by_parent() -> dict[int, list[Process]]:
    """All processes, by the pid of their parent."""
    table: dict[int, list[Process]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            process = read(int(name))
            if process is not None:
                table.setdefault(process.parent, []).append(process)
    return table


def tree(root: int, below: dict[int, list[Process]]) -> Iterator[Process]:
    """A process and all its descendants; `below` is the result of `by_parent`."""
    own = read(root)
    if own is not None:
        yield own
    waiting = [root]
    while waiting:
        for process in below.get(waiting.pop(), []):
            yield process
            waiting.append(process.pid)


def descriptors(processes: Iterable[Process]) -> Iterator[os.stat_result]:
    """The files behind the processes' descriptors; the same file may come repeatedly."""
    for process in processes:
        directory = f"/proc/{process.thread}/fd"
        try:
            names = os.listdir(directory)
        except OSError:
            continue  # gone meanwhile
        for name in names:
            try:
                yield os.stat(f"{directory}/{name}")
            except OSError:
                continue


def mappings(
    processes: Iterable[Process], devices: Collection[int]
) -> Iterator[os.stat_result | None]:
    """The files on these devices that processes have mapped; the same file may come repeatedly.

    Only root in the initial user namespace can see those without a name. None stands for a
    thousand other mappings: there may be millions.
    """
    for process in processes:
        seen = set()
        with suppress(OSError), open(f"/proc/{process.thread}/maps", "rb") as maps:
            for number, line in enumerate(maps, 1):
                if number % 1000 == 0:
                    yield None
                place, _, _, device, inode, *_ = line.split(maxsplit=5)
                if inode in seen or inode == b"0" or _number(device) not in devices:
                    continue
                with suppress(OSError):  # gone meanwhile
                    yield os.stat(f"/proc/{process.thread}/map_files/{place.decode()}")
                    seen.add(inode)


def _number(device: bytes) -> int:
    major, minor = device.split(b":")
    return os.makedev(int(major, 16), int(minor, 16))


def can_see_mappings() -> bool:
    """Whether `mappings` finds anything for this process."""
    with mmap.mmap(-1, resource.getpagesize()), open("/proc/self/maps", encoding="ascii") as maps:
        places = [line.split()[0] for line in maps if "/dev/zero" in line]
        try:
            os.stat(f"/proc/self/map_files/{places[0]}")
        except (OSError, IndexError):
            return False
    return True
