"""The memory usage of a process tree, as exactly as Linux reports it.

Most pages of a kernel are shared with other processes, and only Linux knows with how many. For the
proportional size it walks over all pages of a process, some 100 milliseconds for a large one. So a
cheap upper bound is computed first. Only if that exceeds the limit are the proportional sizes
counted: process by process, in turns with the checks of other kernels, and not again before a
multiple of the time that the count took.

Memory outside of the processes' pages is counted as well: files of the kernel's own file system,
shared memory behind descriptors and mappings, socket buffers, page tables and swap. Descriptors and
mappings, of which a program may have millions, are counted in turns as well.
"""

from __future__ import annotations

import os
import resource
import stat
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from itertools import chain

from attrs import define, field

from sagecell_tx.kernelside.monitor.slowfigures import TURN, Seldom, TurnedCount
from sagecell_tx.kernelside.monitor.socketbuffers import SocketBuffers
from sagecell_tx.kernelside.sandbox.namespaces import filesystem
from sagecell_tx.kernelside.system import processtable
from sagecell_tx.kernelside.system.processtable import Process

#: The pause before the next count, as a multiple of what the last one cost: if the limit may be
#: exceeded by now, and if any process has touched new pages.
PAUSES = 4
LONG_PAUSES = 20

_PAGE = resource.getpagesize()

#: The part of a kernel's memory limit that may be in sockets, and in shared memory, before these
#: are counted one by one.
_LITTLE = 1 / 16

#: Bytes for each descriptor of a file in /proc. Linux keeps what it has last written there for the reader: the
#: thousand locks that a file may have take 47 KiB as text.
OF_PROC = 64 << 10

#: Bytes for each descriptor that is neither a file nor a socket nor a pipe, such as an epoll. Each watch of
#: an epoll takes 200 bytes, and of the 512 descriptors of a process half can be epolls that watch the others.
OF_NAMELESS = 32 << 10

#: Bytes that Linux needs for a mapping, with its place and its name.
OF_MAPPING = 320

#: Descriptors of the same file in all processes of a kernel, and bytes for each further one: not for memory,
#: but because each may have a lock on the file (flock), and whoever closes a file goes through all its locks.
SAME = 1_000
OF_SAME = 1 << 20

#: The page tables of one process, as a part of a kernel's memory limit and in bytes, beyond which it exceeds
#: the limit. Linux goes through all of them at once for the proportional size, half a second for 16 MiB. These
#: are eight gigabytes of pages, of which a process has so many only if it maps the same ones again and again.
_TABLES = 1 / 64
_TABLES_IN_ANY_CASE = 16 << 20


def _area_slab() -> tuple[int, int]:
    """How many mappings this system has, and the size of the structure of one; zeros if this process may not know."""
    with suppress(OSError, ValueError, IndexError), open("/proc/slabinfo", "rb") as slabs:
        for line in slabs:
            if line.startswith(b"vm_area_struct "):
                _, used, _, size, *_ = line.split()
                return int(used), int(size)
    return 0, 0


def _areas() -> int:
    """What all mappings of this system take themselves; 0 if this process may not know it."""
    used, size = _area_slab()
    return used * size


def _own_areas() -> int:
    """The same for the mappings of this process."""
    with suppress(OSError), open("/proc/self/maps", "rb") as maps:
        return _area_slab()[1] * sum(1 for _ in maps)
    return 0


@define(eq=False)
class Sources:
    """The figures that Linux reports, in bytes.

    `areas` returns what all mappings of the system take themselves, of which each of the `kernels` has
    `inherited` of its fork server's.
    """

    sockets: SocketBuffers
    unmapped: frozenset[int]  # the devices of memfds and of this process's /dev/shm
    areas: Callable[[], int] = _areas
    inherited: int = 0
    kernels: int = field(default=0, init=False)
    in_files: dict[int, int] = field(factory=dict, init=False)  # of each kernel, by its first pid
    # It takes milliseconds, and is the same for all kernels.
    _seldom: Seldom = field(factory=lambda: Seldom(time.monotonic, pauses=100), init=False)

    @classmethod
    def of_this_system(cls) -> Sources:
        """The figures of this system; raises OSError."""
        example = os.memfd_create("example", os.MFD_CLOEXEC)
        try:
            devices = {os.fstat(example).st_dev}
        finally:
            os.close(example)
        with suppress(OSError):
            devices.add(os.stat("/dev/shm").st_dev)
        return cls(SocketBuffers.of_this_system(), frozenset(devices), inherited=_own_areas())

    def proportional(self, pid: int) -> tuple[int, int] | None:
        """A process's proportional share of pages and swap, and of shared memory. Slow.

        None when they cannot be read.
        """
        found = _fields(f"/proc/{pid}/smaps_rollup", (b"Pss", b"SwapPss", b"Pss_Shmem"))
        if not found:
            return None
        shared = found.get(b"Pss_Shmem", 0)
        return found.get(b"Pss", 0) + found.get(b"SwapPss", 0) - shared, shared

    def resident(self, process: Process) -> int:
        """All pages of a process, including shared ones; 0 when it has ended."""
        now = processtable.read(process.pid)
        return now.resident if now is not None and now.key == process.key else 0

    def beside(self, pid: int) -> tuple[int, int, int]:
        """A process's page tables, its swap, and its pages of the system's reserve of huge ones."""
        found = _fields(f"/proc/{pid}/status", (b"VmPTE", b"VmSwap", b"HugetlbPages"))
        return found.get(b"VmPTE", 0), found.get(b"VmSwap", 0), found.get(b"HugetlbPages", 0)

    def behind_descriptors(self, tree: Sequence[Process], little: float) -> Iterator[int]:
        """Shared memory behind the descriptors of the processes, each file once; also `OF_PROC` and the like.

        Also that behind their mappings, if this system has more than `little` of it outside of the kernels'
        own files: a program may have written to shared memory and then dropped its pages, or unmapped most
        of it. Also the mappings themselves, if those of this system take more than `little`, apart from the
        inherited ones.

        The sum of the numbers is the size. There are many: each takes little time to find.
        """
        found: Iterator[os.stat_result | None] = processtable.descriptors(tree)
        of_mapping = OF_MAPPING if self.unusual_areas() > little else 0
        if of_mapping or self.elsewhere() > little:
            found = chain(found, processtable.mappings(tree, self.unmapped))
        seen: Counter[tuple[int, int]] = Counter()
        of_proc = _devices_of_proc(tree)
        for status in found:
            if status is None:
                yield 1000 * of_mapping
                continue
            if status.st_dev in of_proc:
                yield OF_PROC
            if not stat.S_IFMT(status.st_mode):
                yield OF_NAMELESS
            file = status.st_dev, status.st_ino
            seen[file] += 1
            if seen[file] == 1 and status.st_dev in self.unmapped:
                yield status.st_blocks * 512
            is_named = stat.S_ISREG(status.st_mode) or stat.S_ISCHR(status.st_mode)
            yield OF_SAME if is_named and seen[file] > SAME else 0

    def unusual_areas(self) -> int:
        """What mappings of this system take besides those that kernels have from the beginning.

        To go through all mappings takes ten times as long as all else that is looked at, and those of a thousand kernels take
        more than a single one may have unnoticed. A kernel that has given up its own leaves room for as many
        of another.
        """
        return self._seldom(self.areas) - self.kernels * self.inherited

    def elsewhere(self) -> int:
        """The shared memory of this system that is in no kernel's own files, as these were last seen."""
        return self.shared() - sum(self.in_files.values())

    def shared(self) -> int:
        """All shared memory of this system, including files in tmpfs."""
        return _fields("/proc/meminfo", (b"Shmem",)).get(b"Shmem", 0)

    def available(self) -> int:
        """What this system could still give to programs."""
        return _fields("/proc/meminfo", (b"MemAvailable",)).get(b"MemAvailable", 0)

    def own_files(self, pid: int) -> int:
        """The size of the files in the kernel's own tmpfs; 0 if it has none."""
        with suppress(OSError):
            own = f"/proc/{pid}/root{filesystem.HOME}"
            if os.stat(own).st_dev != os.stat(filesystem.HOME).st_dev:
                size = os.statvfs(own)
                return (size.f_blocks - size.f_bfree) * size.f_frsize
        return 0


@define(eq=False)
class _Count:
    """The proportional count of one tree, while it is made and after it."""

    waiting: list[Process]  # the last one is next
    seen: dict[tuple[int, float], Process]
    pages: int = 0
    shared: int = 0
    cost: float = 0.0
    ended: float = 0.0


@define(eq=False)
class MemoryUse:
    """The memory usage of the tree of the process `pid`, with a limit of `most` bytes."""

    pid: int
    most: float
    sources: Sources
    clock: Callable[[], float] = time.monotonic
    _behind: TurnedCount = field(init=False)  # shared memory behind descriptors and mappings
    _sockets: Seldom = field(init=False)
    _outside: int = field(default=0, init=False)  # neither in pages nor behind descriptors
    _count: _Count | None = field(default=None, init=False)
    _last: _Count | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._behind, self._sockets = TurnedCount(self.clock), Seldom(self.clock)

    @property
    def counting(self) -> bool:
        """Whether a count is unfinished, so that `go_on` has to be called."""
        return self._behind.under_way or self._count is not None

    def check(self, tree: Sequence[Process]) -> bool:
        """Whether the limit is exceeded for certain; begins a proportional count if it may be."""
        beside = [self.sources.beside(process.thread) for process in tree]
        if any(tables > max(self.most * _TABLES, _TABLES_IN_ANY_CASE) for tables, _, _ in beside):
            return True
        swapped = sum(swap for _, swap, _ in beside)
        first = next((each.thread for each in tree if each.pid == self.pid), self.pid)
        self._outside = sum(tables + huge for tables, _, huge in beside)
        self.sources.in_files[self.pid] = files = self.sources.own_files(first)
        self._outside += files
        little = self.most * _LITTLE
        self._outside += self._sockets(lambda: self.sources.sockets.of(first, little, self.most))
        self._behind.begin(lambda: self.sources.behind_descriptors(tree, little))
        if self._behind.go_on() or self._outside + self._behind.size > self.most:
            return True
        resident = sum(process.resident for process in tree)
        if self._outside + self._behind.size + swapped + resident <= self.most:
            self._count = self._last = None
            return False
        if self._count is None and self._is_due(tree):
            # Most page faults first (the last is next): an excess is probably there.
            order = sorted(tree, key=lambda process: process.faults)
            self._count = _Count(order, {process.key: process for process in tree})
        return False

    def go_on(self) -> bool:
        """Count for one turn of each kind; returns whether the limit is exceeded."""
        if self._behind.go_on() or self._outside + self._behind.size > self.most:
            return True
        count = self._count
        if count is None:
            return False
        began = self.clock()
        while count.waiting:
            process = count.waiting.pop()
            # Without privilege, the pages of a program whose file is executable but not readable
            # cannot be read. It counts with all of its resident pages.
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
        """The counted bytes. Shared memory in pages and behind descriptors may be the same."""
        return count.pages + max(count.shared, self._behind.size)

    def _is_due(self, tree: Sequence[Process]) -> bool:
        """Whether the limit may be exceeded by now, judging by growth since the last count."""
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
        # These figures miss a huge page that has replaced a shared one.
        return given > 0 and pause >= LONG_PAUSES * last.cost


def _devices_of_proc(tree: Sequence[Process]) -> Collection[int]:
    """The devices of /proc, as this process and those of a kernel see it."""
    devices = set()
    for path in ("/proc", *(f"/proc/{process.thread}/root/proc" for process in tree[:1])):
        with suppress(OSError):  # gone meanwhile
            devices.add(os.stat(path).st_dev)
    return devices


def _fields(path: str, names: Sequence[bytes]) -> dict[bytes, int]:
    """The lines `names` of a file in /proc, from kilobytes to bytes; missing lines are left out."""
    found = {}
    with suppress(OSError, ValueError, IndexError), open(path, "rb") as file:
        for line in file:
            name, _, rest = line.partition(b":")
            if name in names:
                found[name] = int(rest.split()[0]) * 1024
    return found


def unseen() -> Sequence[str]:
    """Kinds of memory that this process has no permission to see, named as in `Level.unbounded`."""
    return () if processtable.can_see_mappings() else ("mappings",)
