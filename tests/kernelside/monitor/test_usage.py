"""The resource usage of real process trees."""

from __future__ import annotations

import mmap
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import chain
from typing import Any

import psutil
import pytest
from attrs import define, evolve, field
from typing_extensions import override

from sagecell_tx.kernelside.monitor.memoryuse import (
    OF_MAPPING,
    OF_NAMELESS,
    OF_PROC,
    OF_SAME,
    Sources,
)
from sagecell_tx.kernelside.monitor.usage import (
    AT_ONCE,
    OF_START,
    PER_ROUND,
    Excess,
    Finding,
    LimitNear,
    Orphans,
    UsageWatch,
    WatchTarget,
)
from sagecell_tx.kernelside.system import processtable
from tests.kernelside.driving import until_asleep
from tests.kernelside.limits import roomy
from tests.processtree import command_of

pytestmark = pytest.mark.integration

#: A tree of four processes; each holds so many bytes and has done some work.
FAMILY = """
import os, signal, sys
children = [os.fork() for _ in range(2)]
hoard = bytearray(b"x") * int(sys.argv[1])
sum(range(int(sys.argv[2])))
os.write(1, b".")
signal.pause()
"""


@pytest.fixture
def family(tmp_path):
    """Starts a process tree; returns a function that checks it against limits."""
    started = []

    def start(*, memory: int = 1, work: int = 0):
        # Three forks of forks: four processes.
        process = subprocess.Popen(
            [sys.executable, "-c", FAMILY, str(memory), str(work)], stdout=subprocess.PIPE
        )
        started.append(process)
        assert process.stdout is not None
        for _ in range(4):
            assert process.stdout.read(1) == b"."
        for pid in (process.pid, *_descendants(process.pid)):
            until_asleep(pid)

        def look(times: int = 1, **limits: float) -> list[Finding]:
            watch = UsageWatch(interval=0.0)
            directory = os.open(tmp_path, os.O_RDONLY)
            watch.add(1, WatchTarget(pid=process.pid, directory=directory), roomy(**limits))
            assert watch.wait() == 0.0
            found = [finding for _ in range(times) for finding in watch.check()]
            while not found and watch.counting:  # on a busy machine, it takes several turns
                found = watch.check()
            watch.forget(1)
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(directory)
            return found

        return look

    yield start
    for process in started:
        for pid in _descendants(process.pid):
            os.kill(pid, 9)
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _descendants(root: int) -> list[int]:
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as stat:
                parent = int(stat.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == root:
            found += [*_descendants(int(name)), int(name)]
    return found


def test_without_limits_everything_is_allowed(family):
    look = family(memory=10_000_000)
    assert look() == []


def test_threads_of_all_processes(family):
    look = family()
    assert look(processes=4) == []
    assert look(processes=3) == [Excess(1, "processes")]


def test_memory_of_all_processes(family):
    look = family(memory=50_000_000)
    assert look(memory_bytes=400_000_000) == []
    assert look(memory_bytes=190_000_000) == [Excess(1, "memory")]


def test_shared_memory_counts_once(family):
    # Four processes share the interpreter, which counted four times would exceed this limit.
    look = family()
    with open("/proc/self/status") as status:
        resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    assert look(memory_bytes=resident * 1024) == []


def test_processor_time_of_all_processes(family):
    look = family(work=3_000_000)
    assert look(cpu_seconds=600) == []
    assert look(cpu_seconds=0.01) == [Excess(1, "cpu")]


def test_processor_time_that_is_nearly_used_up_is_told_once(family):
    look = family(work=10_000_000)
    (root,) = [each for each in psutil.Process().children() if FAMILY in command_of(each)]
    times = [process.cpu_times() for process in (root, *root.children(recursive=True))]
    taken = sum(each.user + each.system for each in times)
    assert look(3, cpu_seconds=taken * 4 / 3, warning_seconds=taken * 2 / 3) == [LimitNear(1, 1)]
    assert look(3, cpu_seconds=taken * 3, warning_seconds=taken) == []
    assert look(3, cpu_seconds=taken * 4 / 3, warning_seconds=taken) == []  # over half


def test_what_is_on_disk(family, tmp_path):
    look = family()
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "big").write_bytes(b"x" * 3_000_000)
    os.symlink("/usr", tmp_path / "usr")
    assert look(directory_bytes=4_000_000) == []
    assert look(directory_bytes=2_000_000) == [Excess(1, "disk")]


def test_nobody_is_looked_at_before_it_is_time_or_after_the_end():
    watch = UsageWatch(interval=3600.0)
    assert watch.wait() is None
    watch.add(1, WatchTarget(pid=os.getpid()), roomy(processes=1))
    assert watch.check() == []
    wait = watch.wait()
    assert wait is not None
    assert wait > 3000
    watch.forget(1)
    assert watch.wait() is None


def test_a_process_that_is_gone_has_taken_nothing():
    watch = UsageWatch(interval=0.0)
    gone = subprocess.Popen(["true"])
    gone.wait()
    watch.add(1, WatchTarget(pid=gone.pid), roomy(memory_bytes=1, processes=1))
    assert watch.check() == []
    assert Excess(1, "cpu") != Excess(1, "memory")


@contextmanager
def resting(number: int) -> Iterator[list[int]]:
    """So many processes that do nothing any more, not even what follows their start; their pids."""
    with ExitStack() as left:
        pids = []
        for _ in range(number):
            process = left.enter_context(
                subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
            )
            left.callback(process.kill)
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b".")
            assert process.stdout.read(1) == b"."
            pids.append(process.pid)
            until_asleep(process.pid)
        yield pids


class TestHowOften:
    """Each check of a kernel with too many processes reports it, so findings count checks."""

    def test_who_does_nothing_is_looked_at_less_and_less(self):
        with resting(1) as (pid,):
            watch = UsageWatch(interval=0.0)
            watch.add(1, WatchTarget(pid=pid), roomy(processes=0))
            found = [number for number in range(1, 65) if watch.check()]
        assert len(found) < 20
        assert found[-5:] == [32, 40, 48, 56, 64]

    def test_who_does_anything_is_looked_at_each_time(self):
        watch = UsageWatch(interval=0.0)
        watch.add(1, WatchTarget(pid=os.getpid()), roomy(processes=0))
        children = []
        for _ in range(12):
            children.append(subprocess.Popen(["sleep", "1000"]))
            assert watch.check() == [Excess(1, "processes")]
        for child in children:
            child.kill()
            child.wait()

    def test_all_that_do_nothing_are_looked_at_in_the_same_look(self):
        watch = UsageWatch(interval=0.0)
        found = []
        with resting(3) as pids:
            for number in range(1, 97):
                if number in (1, 6, 11):
                    watch.add(number, WatchTarget(pid=pids[number // 5]), roomy(processes=0))
                found.append(len(watch.check()))
        assert found[-32:] == [3 if number % 8 == 0 else 0 for number in range(65, 97)]


def test_of_very_many_kernels_some_are_checked_at_a_time():
    """Between two calls a ping is answered: who checked all thousand at once would be taken for dead."""
    sleeper = subprocess.Popen(["sleep", "1000"])
    watch = UsageWatch(interval=0.0)
    numbers = range(3 * AT_ONCE - 1)
    for number in numbers:
        watch.add(number, WatchTarget(pid=sleeper.pid), roomy(processes=0))
    found: list[list[Any]] = []
    waits: list[float] = []
    for _ in range(3):
        found.append([each.kernel for each in watch.check() if isinstance(each, Excess)])
        watch.interval = 1000.0  # from the end of this round on
        waits.append(watch.wait() or 0.0)
        watch.forget(2 * AT_ONCE + 1)  # one that is still to be checked
    sleeper.kill()
    sleeper.wait()
    assert [len(each) for each in found] == [AT_ONCE, AT_ONCE, AT_ONCE - 2]
    assert waits[:2] == [0.0, 0.0]
    assert waits[2] > 0.0
    assert [*chain.from_iterable(found)] == [each for each in numbers if each != 2 * AT_ONCE + 1]


def test_mappings_that_all_kernels_have_are_no_reason_to_count_them():
    """A kernel has those of its fork server. Of a thousand kernels they are a hundred megabytes."""
    sleepers = [subprocess.Popen(["sleep", "1000"]) for _ in range(2)]
    counted = []

    @define(eq=False)
    class Mappings(Sources):
        @override
        def behind_descriptors(self, tree, little):
            counted.append(self.unusual_areas() > little)
            return super().behind_descriptors(tree, little)

    of_this = Sources.of_this_system()
    usual, little = 150_000, (1 << 30) // 16
    for kernels, areas, many in (
        (2, little + usual, False),
        (2, little + 3 * usual, True),
        (1, little + 2 * usual, True),
    ):
        sources = Mappings(of_this.sockets, of_this.unmapped, partial(int, areas), usual)
        watch = UsageWatch(interval=0.0, sources=sources)
        for number, sleeper in enumerate(sleepers[:kernels]):
            watch.add(number, WatchTarget(pid=sleeper.pid), roomy(memory_bytes=1 << 30))
        counted.clear()
        watch.check()
        assert counted == [many] * kernels
    for sleeper in sleepers:
        sleeper.kill()
        sleeper.wait()


def test_files_of_kernels_are_no_reason_to_look_behind_mappings():
    """Each has them in its own file system, whose size is known. Of a thousand kernels they may be much."""

    @define(eq=False)
    class Files(Sources):
        @override
        def own_files(self, pid):
            return 1_000_000

        @override
        def shared(self):
            return 2_500_000

    sleepers = [subprocess.Popen(["sleep", "1000"]) for _ in range(2)]
    of_this = Sources.of_this_system()
    sources = Files(of_this.sockets, of_this.unmapped)
    watch = UsageWatch(interval=0.0, sources=sources)
    found = [sources.elsewhere()]
    for number, sleeper in enumerate(sleepers):
        watch.add(number, WatchTarget(pid=sleeper.pid), roomy(memory_bytes=1 << 30))
        watch.check()
        found.append(sources.elsewhere())
    watch.forget(0)
    found.append(sources.elsewhere())
    for sleeper in sleepers:
        sleeper.kill()
        sleeper.wait()
    assert found == [2_500_000, 1_500_000, 500_000, 1_500_000]


@define(eq=False)
class CountedSources(Sources):
    """Counts how often a figure is read that is slow to read; the system has `free` bytes."""

    reads: int = field(default=0, init=False)
    free: int = field(default=1 << 40, init=False)

    @override
    def available(self) -> int:
        return self.free

    @override
    def own_files(self, pid: int) -> int:
        self.reads += 1
        return super().own_files(pid)


def test_of_who_does_nothing_little_is_read():
    program = "import sys\nfor line in sys.stdin: sum(range(3_000_000)); print(flush=True)"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def work() -> None:
        """Let the process do something; it waits for the next line afterwards."""
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()

    of_this = Sources.of_this_system()
    sources = CountedSources(of_this.sockets, of_this.unmapped)
    watch = UsageWatch(interval=0.0, sources=sources)
    watch.add(1, WatchTarget(pid=process.pid), roomy())
    work()
    for _ in range(800):
        assert watch.check() == []
    few = sources.reads
    work()
    for _ in range(16):
        watch.check()
    assert sources.reads > few
    # A child that nobody waits for may have taken memory, and be gone again.
    for _ in range(100):
        assert watch.check() == []
    before = sources.reads
    for _ in range(4):
        sources.free -= 1 << 30
        for _ in range(8):  # the longest pause of who does nothing
            watch.check()
    often = sources.reads - before
    with process:
        process.stdin.close()
    assert 10 < few < 30
    assert often >= 4


def turns(kernels: int) -> int:
    """How many calls of `check` a round takes in which all are due."""
    return -(-kernels // AT_ONCE)


class TestFallingMemory:
    """What kernels have in memory that no process has is looked at again when the machine's memory falls."""

    @pytest.fixture
    def sources(self):
        of_this = Sources.of_this_system()
        return CountedSources(of_this.sockets, of_this.unmapped)

    @pytest.fixture
    def sleeper(self):
        with resting(1) as (pid,):
            yield pid

    def watch(self, sources: CountedSources, sleeper: int, kernels: int) -> UsageWatch:
        """Of kernels that have rested for long enough not to be read for several rounds."""
        watch = UsageWatch(interval=0.0, sources=sources)
        for number in range(kernels):
            watch.add(number, WatchTarget(pid=sleeper), roomy())
        # 64 rounds, of which eleven are for all. In the 48th everything is read, and then in the 112th.
        for _ in range(53 + 11 * turns(kernels)):
            watch.check()
        return watch

    def reads(self, watch: UsageWatch, sources: CountedSources, kernels: int) -> int:
        """How many kernels are read in the eight rounds of one longest pause, of which the last is for all."""
        before = sources.reads
        for _ in range(7 + turns(kernels)):
            watch.check()
        return sources.reads - before

    def test_for_no_reason(self, sources, sleeper):
        watch = self.watch(sources, sleeper, 10)
        quiet = self.reads(watch, sources, 10)
        sources.free -= 300 << 20
        assert (quiet, self.reads(watch, sources, 10)) == (0, 10)

    def test_since_kernels_were_started(self, sources, sleeper):
        """Each takes some, which is known. What they take beyond that is a reason."""
        watch = self.watch(sources, sleeper, 1)
        more = range(1, 31)
        for number in more:
            watch.add(number, WatchTarget(pid=sleeper), roomy())
        for number in more:
            watch.forget(number)
        sources.free -= len(more) * OF_START + (200 << 20)
        quiet = self.reads(watch, sources, 1)
        sources.free -= 100 << 20
        assert (quiet, self.reads(watch, sources, 1)) == (0, 1)

    def test_all_the_time(self, sources, sleeper):
        """To read all kernels each time would be work without end while hundreds are started."""
        kernels = 10 * PER_ROUND
        watch = self.watch(sources, sleeper, kernels)
        reads = []
        for _ in range(4):
            sources.free -= 300 << 20
            reads.append(self.reads(watch, sources, kernels))
        assert reads == [kernels, 0, kernels, 0]


def test_pages_that_somebody_else_has_touched():
    """A child that shares its parent's memory touches pages of both, and the faults are its own."""
    program = "import ctypes, mmap, sys\nmemory = mmap.mmap(-1, 1 << 24)\n"
    program += "print(ctypes.addressof(ctypes.c_char.from_buffer(memory)), flush=True)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{program}sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    place = int(process.stdout.readline())
    of_this = Sources.of_this_system()
    sources = CountedSources(of_this.sockets, of_this.unmapped)
    watch = UsageWatch(interval=0.0, sources=sources)
    watch.add(1, WatchTarget(pid=process.pid), roomy())
    for _ in range(400):
        watch.check()
    often = 0
    for turn in range(4):
        with open(f"/proc/{process.pid}/mem", "r+b", buffering=0) as memory:
            memory.seek(place + (turn << 20))
            memory.write(bytes(1 << 20))
        before = sources.reads
        for _ in range(8):
            watch.check()
        often += sources.reads > before
    with process:
        process.stdin.close()
    assert often == 4


def test_what_linux_keeps_of_its_own_files_that_are_being_read():
    """For each descriptor it keeps what it has written for a reader: the locks of a file, for example."""
    opened = [os.open("/proc/self/stat", os.O_RDONLY) for _ in range(100)]
    try:
        this = processtable.read(os.getpid())
        assert this is not None
        behind = [*Sources.of_this_system().behind_descriptors([this], 1 << 62)]
    finally:
        for each in opened:
            os.close(each)
    assert behind.count(OF_PROC) >= 100
    assert sum(behind) >= 100 * OF_PROC


def test_processes_that_have_lost_their_kernel():
    """They are children of whoever adopts orphans, but no kernels."""
    kernel, orphan = (subprocess.Popen(["sleep", "1000"]) for _ in range(2))
    children = {each.pid for each in processtable.by_parent()[os.getpid()]}
    try:
        for helpers, expected in ((children - {orphan.pid}, [Orphans()]), (children, [])):
            watch = UsageWatch(interval=0.0, adopter=os.getpid(), helpers=helpers - {kernel.pid})
            watch.add(1, WatchTarget(pid=kernel.pid), roomy())
            assert watch.check() == expected
            watch.forget(1)
    finally:
        for each in (kernel, orphan):
            each.kill()
            each.wait()


def test_what_is_waited_for():
    """A process with 256 epolls of 256 descriptors has 65,536 watches, which are in no figure."""
    this = processtable.read(os.getpid())
    assert this is not None
    sources = Sources.of_this_system()
    before = sum(sources.behind_descriptors([this], 1 << 62))
    polls = [select.epoll() for _ in range(100)]
    after = sum(sources.behind_descriptors([this], 1 << 62))
    for each in polls:
        each.close()
    assert after >= before + 100 * OF_NAMELESS


def test_mappings_count_themselves_where_the_system_has_very_many():
    """Of a program whose pages are protected in turns, Linux has a mapping for each."""
    this = processtable.read(os.getpid())
    assert this is not None
    few = evolve(Sources.of_this_system(), areas=lambda: 1000)
    many = evolve(few, areas=lambda: 1 << 40)
    held = []
    for _ in range(2000):  # anonymous ones beside each other would be one
        held += [mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)]
        held += [mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)]
    little = 1 << 62
    assert OF_MAPPING not in {*few.behind_descriptors([this], 1000)}
    without, with_them = (sum(each.behind_descriptors([this], little)) for each in (few, many))
    assert with_them == without
    counted = sum(each for each in many.behind_descriptors([this], 1 << 39))
    for each in held:
        each.close()
    assert counted >= without + 3000 * OF_MAPPING


def test_linux_tells_how_much_all_mappings_take():
    sources = Sources.of_this_system()
    taken = sources.areas()
    if os.getuid() == 0:
        assert 100_000 < taken < 1 << 40
        assert 5_000 < sources.inherited < taken
    else:
        assert taken == 0


def test_very_many_descriptors_of_one_file(tmp_path):
    """Each may have a lock on the whole file, and who closes the file goes through all of them."""
    this = processtable.read(os.getpid())
    assert this is not None
    sources = Sources.of_this_system()
    for path in (os.devnull, tmp_path / "file"):
        opened = [os.open(path, os.O_RDONLY | os.O_CREAT) for _ in range(100)]
        try:
            few, many = (
                sum(sources.behind_descriptors([this] * number, 1 << 62)) for number in (5, 30)
            )
        finally:
            for each in opened:
                os.close(each)
        assert few < 500 * OF_SAME
        assert many > 1900 * OF_SAME
    pipes = [os.pipe() for _ in range(50)]
    few = sum(sources.behind_descriptors([this] * 30, 1 << 62))
    for end in (each for pipe in pipes for each in pipe):
        os.close(end)
    assert few < 1000 * OF_SAME


def test_memory_behind_descriptors_counts_once():
    code = """
import os, signal
file = os.memfd_create("hoard")
os.write(file, bytes(50_000_000))
os.dup(file)
if os.fork() == 0:
    os.write(1, b".")
signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as root:
        assert root.stdout is not None
        root.stdout.read(1)
        tree = list(processtable.tree(root.pid, processtable.by_parent()))
        assert len(tree) == 2
        size = sum(Sources.of_this_system().behind_descriptors(tree, 0))
        for process in tree:
            os.kill(process.pid, 9)
    assert 50_000_000 <= size < 51_000_000
