"""The memory that a process tree has taken, counted as truly as Linux tells it.

Most pages of a kernel are shared with others, and only Linux knows with how many. To ask it walks
over all pages of a process: some 100 milliseconds for a large one. So first comes what is cheap
and never too little; the dear count is made when that is more than may be taken, process by
process, in turns with other kernels' looks, and not again before a multiple of what it cost.

Memory that is in no process's pages is counted as well: files of the kernel's own file system,
shared memory behind descriptors and mappings, socket buffers, page tables and swap.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import chain

from attrs import define, field

from sagecell_tx.kernelside.monitor.socketbuffers import SocketBuffers
from sagecell_tx.kernelside.sandbox.namespaces import filesystem
from sagecell_tx.kernelside.system import processtable
from sagecell_tx.kernelside.system.processtable import Process

#: Seconds that are spent at a time on one kernel's dear count. One process takes what it takes.
TURN = 0.02

#: After a count come so many times what it cost, before the next: if there may be too much by
#: then, and if anything has been given pages.
PAUSES = 4
LONG_PAUSES = 20

_PAGE = resource.getpagesize()

#: The part of a kernel's memory that may be in sockets, and in shared memory, before these are
#: looked at one by one.
_LITTLE = 1 / 16


@define(eq=False)
class Seldom:
    """A figure that is taken anew only after ten times as long as it took. Else it is the last one."""

    clock: Callable[[], float]
    _value: int = field(default=0, init=False)
    _until: float = field(default=0.0, init=False)

    def __call__(self, figure: Callable[[], int]) -> int:
        """What `figure` returns, or returned."""
        began = self.clock()
        if began >= self._until:
            self._value = figure()
            ended = self.clock()
            self._until = ended + 10 * (ended - began)
        return self._value


@define(eq=False)
class Sources:
    """Where the figures come from: for a process, bytes of a kind."""

    sockets: SocketBuffers
    unmapped: frozenset[int]  # the devices of files that are memory and in nobody's file system

    @classmethod
    def of_this_system(cls) -> Sources:
        """Linux itself."""
        example = os.memfd_create("example", os.MFD_CLOEXEC)
        try:
            devices = {os.fstat(example).st_dev}
        finally:
            os.close(example)
        with suppress(OSError):
            devices.add(os.stat("/dev/shm").st_dev)
        return cls(SocketBuffers.of_this_system(), frozenset(devices))

    def proportional(self, pid: int) -> tuple[int, int] | None:
        """A process's pages, and those of shared memory; None when they cannot be read. Dear.

        What several processes share is divided among them.
        """
        found = _fields(f"/proc/{pid}/smaps_rollup", (b"Pss", b"SwapPss", b"Pss_Shmem"))
        if not found:
            return None
        shared = found.get(b"Pss_Shmem", 0)
        return found.get(b"Pss", 0) + found.get(b"SwapPss", 0) - shared, shared

    def resident(self, process: Process) -> int:
        """All pages of a process, those that it shares as well; 0 when it is gone."""
        now = processtable.read(process.pid)
        return now.resident if now is not None and now.key == process.key else 0

    def beside(self, pid: int) -> tuple[int, int]:
        """A process's page tables, and what of it is swapped out."""
        found = _fields(f"/proc/{pid}/status", (b"VmPTE", b"VmSwap"))
        return found.get(b"VmPTE", 0), found.get(b"VmSwap", 0)

    def behind_descriptors(self, tree: Sequence[Process], little: float) -> int:
        """Shared memory that some descriptor of the processes stands for, each piece once.

        And what is behind the mappings, if there may be more than `little`: a program may have
        written to shared memory and then let its own pages, or most of the mapping, go.
        """
        found = processtable.descriptors(tree)
        if self.shared() > little:
            found = chain(found, processtable.mappings(tree, self.unmapped))
        pieces = {
            (status.st_dev, status.st_ino): status.st_blocks * 512
            for status in found
            if status.st_dev in self.unmapped
        }
        return sum(pieces.values())

    def shared(self) -> int:
        """All shared memory of this system, and all that is in file systems in memory."""
        return _fields("/proc/meminfo", (b"Shmem",)).get(b"Shmem", 0)

    def own_files(self, pid: int) -> int:
        """What is in the kernel's own file system, if it has one: it is in memory."""
        with suppress(OSError):
            own = f"/proc/{pid}/root{filesystem.HOME}"
            if os.stat(own).st_dev != os.stat(filesystem.HOME).st_dev:
                size = os.statvfs(own)
                return (size.f_blocks - size.f_bfree) * size.f_frsize
        return 0


@define(eq=False)
class _Count:
    """The dear count of one tree, on its way."""

    waiting: list[Process]  # the last one is next
    seen: dict[tuple[int, float], Process]
    pages: int = 0
    shared: int = 0
    cost: float = 0.0
    ended: float = 0.0


@define(eq=False)
class MemoryUse:
    """What the tree of the process `pid` has taken, against `most` bytes that it may."""

    pid: int
    most: float
    sources: Sources
    clock: Callable[[], float] = time.monotonic
    _behind: Seldom = field(init=False)
    _sockets: Seldom = field(init=False)
    _outside: int = field(default=0, init=False)  # in no pages, and behind no descriptor
    _held: int = field(default=0, init=False)  # behind descriptors
    _count: _Count | None = field(default=None, init=False)
    _last: _Count | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._behind, self._sockets = Seldom(self.clock), Seldom(self.clock)

    @property
    def counting(self) -> bool:
        """Whether a dear count has begun, and `go_on` has to be called."""
        return self._count is not None

    def check(self, tree: Sequence[Process]) -> bool:
        """Whether it has taken too much, as far as that is known now."""
        beside = [self.sources.beside(process.thread) for process in tree]
        swapped = sum(swap for _, swap in beside)
        first = next((each.thread for each in tree if each.pid == self.pid), self.pid)
        self._outside = sum(tables for tables, _ in beside) + self.sources.own_files(first)
        little = self.most * _LITTLE
        self._outside += self._sockets(lambda: self.sources.sockets.of(first, little))
        self._held = self._behind(lambda: self.sources.behind_descriptors(tree, little))
        if self._outside + self._held > self.most:
            return True
        resident = sum(process.resident for process in tree)
        if self._outside + self._held + swapped + resident <= self.most:
            self._count = self._last = None
            return False
        if self._count is None and self._is_due(tree):
            # Those first that were given most pages: if there is too much, it is there.
            order = sorted(tree, key=lambda process: process.faults)
            self._count = _Count(order, {process.key: process for process in tree})
        return False

    def go_on(self) -> bool:
        """Count for a turn. Whether it has taken too much."""
        count = self._count
        if count is None:
            return False
        began = self.clock()
        while count.waiting:
            process = count.waiting.pop()
            # A program that its owner may run and not read is not told of to others without
            # privilege. It must not be free for that.
            pages, shared = self.sources.proportional(process.thread) or (
                self.sources.resident(process),
                0,
            )
            count.pages += pages
            count.shared += shared
            if self._outside + self._taken(count) > self.most:
                self._count = None
                return True
            if self.clock() - began > TURN:
                break
        count.ended = self.clock()
        count.cost += count.ended - began
        if not count.waiting:
            self._count, self._last = None, count
        return False

    def _taken(self, count: _Count) -> int:
        """What was counted, with what is behind descriptors: a part of it may be the same."""
        return count.pages + max(count.shared, self._held)

    def _is_due(self, tree: Sequence[Process]) -> bool:
        """Whether there may be too much by now, if the last count was true."""
        last = self._last
        if last is None:
            return True
        pause = self.clock() - last.ended
        if pause < PAUSES * last.cost:
            return False
        grown = given = 0
        for process in tree:
            before = last.seen.get(process.key)
            if before is None:
                grown += process.resident
                given += 1
            else:
                grown += max(0, process.resident - before.resident)
                given += process.faults - before.faults
        if self._outside + self._taken(last) + grown + given * _PAGE > self.most:
            return True
        # A large page in the place of a shared one that was let go is not seen in these figures.
        return given > 0 and pause >= LONG_PAUSES * last.cost


def _fields(path: str, names: Sequence[bytes]) -> dict[bytes, int]:
    """Lines of a file in /proc that say kilobytes, as bytes; what is missing is not there."""
    found = {}
    with suppress(OSError, ValueError, IndexError), open(path, "rb") as file:
        for line in file:
            name, _, rest = line.partition(b":")
            if name in names:
                found[name] = int(rest.split()[0]) * 1024
    return found


def unseen() -> Sequence[str]:
    """Kinds of memory that this process has no right to be told of, as levels name theirs."""
    return () if processtable.can_see_mappings() else ("mappings",)
