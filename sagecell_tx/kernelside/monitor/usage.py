"""The resource usage of each kernel's process tree, checked periodically.

The operating system's limits hold for single processes. Here a kernel's usage is added up over its
processes: memory, processor time, number of processes, and files where the system does not limit
them. A kernel that exceeds a limit is reported with a reason.

A kernel is checked every half second, and less often while it is idle, up to every four seconds. So
a program that was idle may exceed a limit for up to four seconds before it is noticed. Of a kernel
that has been idle, only its lines in the table of processes are read: what is slower to read has
hardly changed if these have not. It is read again half a minute later, and when the machine has less
memory than before: a process that came and went between two checks is in no line, if nobody waited
for it, but may have left files in memory to those that stay.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from attrs import define, field, frozen

from sagecell_tx.kernelside.monitor.cputime import CpuTime
from sagecell_tx.kernelside.monitor.diskuse import DiskUse
from sagecell_tx.kernelside.monitor.filelocks import FileLocks
from sagecell_tx.kernelside.monitor.memoryuse import MemoryUse, Sources
from sagecell_tx.kernelside.monitor.slowfigures import TurnOrder
from sagecell_tx.kernelside.startcommand import KernelLimits
from sagecell_tx.kernelside.system import processtable
from sagecell_tx.kernelside.system.autogroups import Autogroups
from sagecell_tx.kernelside.system.processtable import Process

#: Seconds between two rounds of checks.
INTERVAL = 0.5

#: An idle kernel is checked in every eighth round. A power of two, so that all idle kernels are
#: checked in the same rounds, with one reading of the table of processes.
_LONGEST = 8

#: After so many checks that found a kernel idle, everything is read again; also if the machine's
#: available memory has fallen by so many bytes.
_RESTS = 7
_FALL = 256 << 20

#: Bytes that a kernel takes in any case until it has run a first program. And so many kernels for each round in
#: which falling memory makes nobody look again: while hundreds are started it falls all the time.
OF_START = 8 << 20
PER_ROUND = 25

#: Kernels that are checked in one turn, some milliseconds for each if much has to be read. There may be a
#: thousand, and a monitor that answers no ping meanwhile would be taken for one that hangs.
AT_ONCE = 50

#: Entries of a kernel's directory that are counted at a time, and seconds until the next: no
#: directory, however full, delays the checks of other kernels.
_ENTRIES = 5_000
_PAUSE = 0.1


@frozen
class Excess:
    """A kernel that has exceeded a limit: ``cpu``, ``memory``, ``processes`` or ``disk``."""

    kernel: Any  # as it was added
    reason: str


@frozen
class LimitNear:
    """A kernel that has so many seconds of processor time left. Reported once."""

    kernel: Any  # as it was added
    seconds: int


@frozen
class Orphans:
    """There are processes that have lost their kernel. Their adopter is to end them: nobody watches them."""


@frozen(kw_only=True)
class WatchTarget:
    """What is read of a kernel: its first process, and descriptors that `close` closes.

    `directory` is that of its files, `usage` the file ``cpu.stat`` of its control group.
    """

    pid: int
    directory: int | None = None
    usage: int | None = None

    def close(self) -> None:
        """Close the descriptors."""
        for descriptor in (self.directory, self.usage):
            if descriptor is not None:
                os.close(descriptor)


@define(eq=False)
class _WatchedKernel:
    target: WatchTarget
    limits: KernelLimits
    time: CpuTime
    memory: MemoryUse
    disk: DiskUse | None
    groups: Autogroups = field(factory=Autogroups)
    cpu: float = 0.0  # seconds, never decreasing
    warned: bool = False
    pause: int = 1  # rounds from one check to the next
    state: object = None  # unchanged while the kernel is idle
    rests: int = 0  # checks since everything was read
    excess: str | None = None  # what was found then

    def time_left(self) -> int | None:
        """Seconds of processor time that are left, if the warning is due now. Given once."""
        most, ahead = self.limits.cpu_seconds, self.limits.warning_seconds
        if self.warned or most < 2 * ahead or self.cpu < most - ahead:
            return None
        self.warned = True
        return max(1, round(most - self.cpu))

    def check(self, tree: Sequence[Process], now: float) -> str | None:
        """The reason for ending the kernel, or None. `now` is in seconds since the boot."""
        # Pages as well as faults: whoever shares memory with another process may touch it for both.
        state = [(each.key, each.cpu, each.faults, each.resident, each.threads) for each in tree]
        idle = state == self.state and not self.counting
        self.state = state
        self.pause = min(2 * self.pause, _LONGEST) if idle else 1
        taken = self.time.update(tree, now)
        if idle and self.rests < _RESTS:
            self.rests += 1
            return self.excess
        self.rests = 0
        self.excess = self._exceeded(tree, taken)
        return self.excess

    def _exceeded(self, tree: Sequence[Process], taken: float) -> str | None:
        """What is exceeded, or None; `taken` is the processor time of the tree's processes."""
        self.groups.level(tree)
        self.cpu = max(self.cpu, taken, _usage(self.target.usage))
        if self.cpu > self.limits.cpu_seconds:
            return "cpu"
        if sum(process.threads for process in tree) > self.limits.processes:
            return "processes"
        if self.memory.check(tree):
            return "memory"
        return "disk" if self.disk is not None and self.disk.exceeds(_ENTRIES) else None

    @property
    def counting(self) -> bool:
        """Whether a count of memory or of files is unfinished."""
        return bool(self.memory.counting or (self.disk and self.disk.under_way))

    def count_on(self) -> str | None:
        """Continue an unfinished count of files; the reason for ending the kernel, or None."""
        if self.disk is not None and self.disk.under_way and self.disk.exceeds(_ENTRIES):
            return "disk"
        return None

    def close(self) -> None:
        """Close the descriptors."""
        if self.disk is not None:
            self.disk.close()
        self.target.close()


@define
class UsageWatch:
    """The monitored kernels. `interval` is in seconds between two rounds of checks.

    `adopter` is the process that adopts orphans of kernels, if any; of its children, `helpers` are none.
    """

    interval: float = INTERVAL
    adopter: int | None = None
    helpers: Collection[int] = ()
    _sources: Sources = field(factory=Sources.of_this_system)
    _locks: FileLocks = field(factory=FileLocks, init=False)
    _watched: dict[Hashable, _WatchedKernel] = field(factory=dict, init=False)
    _order: TurnOrder = field(factory=lambda: TurnOrder(time.monotonic), init=False)
    _next: float = field(default=0.0, init=False)
    _next_count: float = field(default=0.0, init=False)
    _looks: int = field(default=0, init=False)
    _due: list[Hashable] = field(factory=list, init=False)  # still to be checked in this round
    _below: dict[int, list[Process]] = field(factory=dict, init=False)  # as it was at its beginning
    _available: int = field(default=0, init=False)  # bytes of the machine's memory; see `_FALL`
    _look_again: int = field(default=0, init=False)  # the round from which a fall of it counts

    def add(self, kernel: Hashable, target: WatchTarget, limits: KernelLimits) -> None:
        """Monitor a kernel from now on; closes `target` in `forget`."""
        if not self._watched:
            self._next = time.monotonic() + self.interval
        self._watched[kernel] = _WatchedKernel(
            target=target,
            limits=limits,
            time=CpuTime(os.cpu_count() or 1),
            memory=MemoryUse(target.pid, limits.memory_bytes, self._sources),
            disk=_disk_use(target.directory, limits.directory_bytes),
        )
        self._sources.kernels = len(self._watched)
        self._available -= OF_START

    def forget(self, kernel: Hashable) -> None:
        """Stop monitoring a kernel. Harmless if repeated."""
        watched = self._watched.pop(kernel, None)
        if watched is not None:
            watched.close()
            self._sources.in_files.pop(watched.target.pid, None)
        self._sources.kernels = len(self._watched)

    @property
    def seen(self) -> Iterator[tuple[int, float]]:
        """The keys of all processes of all kernels, as they were last checked."""
        return (key for each in self._watched.values() for key in each.time.seen)

    @property
    def counting(self) -> bool:
        """Whether memory or locks are being counted, so that `check` is due at once."""
        return self._locks.under_way or any(each.memory.counting for each in self._watched.values())

    def wait(self) -> float | None:
        """Seconds until `check` is due; None if no kernel is monitored."""
        if self.counting or self._due:
            return 0.0
        if not self._watched:
            return None
        counting = any(each.counting for each in self._watched.values())
        due = min(self._next, self._next_count) if counting else self._next
        return max(0.0, due - time.monotonic())

    def check(self) -> list[Finding]:
        """Do what is due, for a bounded time, and return the kernels at or near a limit."""
        found: list[Finding] = []
        if self._due or (self._watched and time.monotonic() >= self._next):
            found = self._look_at_some() if self._due else self._begin_round()
            self._next = time.monotonic() + self.interval
            self._next_count = time.monotonic() + _PAUSE
        elif time.monotonic() >= self._next_count:
            for kernel, watched in self._watched.items():
                if (reason := watched.count_on()) is not None:
                    found.append(Excess(kernel, reason))
            self._next_count = time.monotonic() + _PAUSE
        self._locks.go_on()
        counting = [kernel for kernel, each in self._watched.items() if each.memory.counting]
        for kernel in self._order.turns(counting):
            if self._watched[kernel].memory.go_on():
                found.append(Excess(kernel, "memory"))
        return found

    def _has_orphans(self, below: Mapping[int, Sequence[Process]]) -> bool:
        """Whether the adopter has children that are neither kernels nor helpers; a new kernel may be one.

        `below` is the table of processes by their parent.
        """
        children = below.get(self.adopter, ()) if self.adopter is not None else ()
        known = {*self.helpers, *(each.target.pid for each in self._watched.values())}
        return any(child.pid not in known for child in children)

    def _look_at_memory(self) -> None:
        """Let no kernel rest if the machine has much less memory than before, for no reason that is known."""
        available = self._sources.available()
        if available < self._available - _FALL:
            if self._looks < self._look_again:
                return  # it is noticed then
            for watched in self._watched.values():
                watched.rests = _RESTS
            self._look_again = self._looks + len(self._watched) // PER_ROUND
        elif available <= self._available:
            return
        self._available = available

    def _begin_round(self) -> list[Finding]:
        self._looks += 1
        self._due = [
            kernel for kernel, watched in self._watched.items() if self._looks % watched.pause == 0
        ]
        self._below = processtable.by_parent() if self._due else {}
        if self._due:
            self._locks.begin()
            self._look_at_memory()
        orphans: list[Finding] = [Orphans()] if self._has_orphans(self._below) else []
        return orphans + self._look_at_some()

    def _look_at_some(self) -> list[Finding]:
        """Go on with the round, of which the kernels of `_due` are left."""
        some, self._due = self._due[:AT_ONCE], self._due[AT_ONCE:]
        found: list[Finding] = []
        for kernel in some:
            watched = self._watched.get(kernel)
            if watched is None:
                continue  # it has ended meanwhile
            now = time.clock_gettime(time.CLOCK_BOOTTIME)
            tree = list(processtable.tree(watched.target.pid, self._below))
            reason = watched.check(tree, now)
            if reason is None and self._locks.are_too_many(tree):
                reason = "memory"
            if reason is not None:
                found.append(Excess(kernel, reason))
            elif (seconds := watched.time_left()) is not None:
                found.append(LimitNear(kernel, seconds))
        return found


#: What a check finds.
Finding = Excess | LimitNear | Orphans


def _usage(stat: int | None) -> float:
    """Seconds of processor time in a group's ``cpu.stat``; 0 without one."""
    if stat is not None:
        with suppress(OSError, ValueError, IndexError):
            name, microseconds = os.pread(stat, 4096, 0).split()[:2]
            if name == b"usage_usec":
                return int(microseconds) / 1e6
    return 0.0


def _disk_use(directory: int | None, most: int) -> DiskUse | None:
    """A counter of a kernel's files; None without a descriptor of their directory."""
    return None if directory is None else DiskUse(root=os.dup(directory), most=most)
