"""The count of memory: what is read of which process, and when. Without processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import define, evolve, field

from sagecell_tx.kernelside.monitor.memoryuse import (
    LONG_PAUSES,
    PAUSES,
    MemoryUse,
    Sources,
)
from sagecell_tx.kernelside.monitor.slowfigures import LONGEST, TURN
from sagecell_tx.kernelside.monitor.socketbuffers import SocketBuffers
from sagecell_tx.kernelside.system.processtable import Process

MIB = 1 << 20


def process(pid: int, resident: int, faults: int = 0) -> Process:
    return Process(
        pid=pid,
        thread=pid,
        parent=1,
        session=1,
        running=False,
        faults=faults,
        own=0.0,
        waited=0.0,
        threads=1,
        born=float(pid),
        resident=resident * MIB,
    )


@define(kw_only=True, eq=False)
class World(Sources):
    """Figures from a table, a clock that slow figures advance, and a record of the reads."""

    sockets: SocketBuffers = field(factory=lambda: SocketBuffers(0))
    unmapped: frozenset[int] = frozenset()
    pages: dict[int, tuple[int, int]] = field(factory=dict)
    tables: int = 0
    huge: int = 0
    swapped: int = 0
    files: int = 0
    behind: int = 0
    mapped: int = 0  # mappings that take a turn each
    dear: float = 0.0  # seconds
    now: float = 100.0
    read: list[int] = field(factory=list)
    locked: frozenset[int] = frozenset()

    def clock(self) -> float:
        return self.now

    def proportional(self, pid: int) -> tuple[int, int] | None:
        self.now += self.dear
        self.read.append(pid)
        if pid in self.locked:
            return None
        pages, shared = self.pages.get(pid, (0, 0))
        return pages * MIB, shared * MIB

    def resident(self, process: Process) -> int:
        return process.resident

    def beside(self, pid: int) -> tuple[int, int, int]:
        return self.tables * MIB, self.swapped * MIB, self.huge * MIB

    def behind_descriptors(self, tree: Sequence[Process], little: float) -> Iterator[int]:
        for _ in range(self.mapped):
            self.now += TURN
            yield 0
        yield self.behind * MIB

    def own_files(self, pid: int) -> int:
        return self.files * MIB

    def memory(self, most: int) -> MemoryUse:
        return MemoryUse(1, most * MIB, self, self.clock)


def taken(memory: MemoryUse, *tree: Process) -> bool:
    """Whether the limit is exceeded, after all counts have ended."""
    found = memory.check(tree)
    while memory.counting and not found:
        found = memory.go_on()
    return found


def test_what_is_cheap_is_often_enough():
    world = World()
    memory = world.memory(256)
    assert not taken(memory, process(1, 100), process(2, 100))
    assert world.read == []


def test_what_is_shared_counts_once():
    world = World(pages={1: (150, 0), 2: (150, 0)})
    assert not taken(world.memory(310), process(1, 300), process(2, 300))
    assert taken(world.memory(290), process(1, 300), process(2, 300))


def test_memory_in_nobodys_pages_counts():
    tree = [process(number, 0) for number in range(1, 31)]
    for world in (World(files=300), World(behind=300), World(tables=10), World(huge=10)):
        assert taken(world.memory(256), *tree)
        assert not taken(world.memory(310), *tree)
        assert world.read == []


def test_more_page_tables_than_can_be_gone_through_exceed_the_limit():
    """A program that maps a file a thousand times takes little memory, and long to be counted."""
    for most, tables in ((256, 16), (1024, 16), (4096, 64)):
        world = World(tables=tables)
        assert not taken(world.memory(most), process(1, 1), process(2, 1))
        world = World(tables=tables + 1)
        assert taken(world.memory(most), process(1, 1), process(2, 1))
        assert world.read == []


def test_what_cannot_be_read_counts_as_a_whole():
    """Processes whose memory only root may read, at the level ``none``."""
    world = World(pages={1: (10, 0)}, locked=frozenset({2}))
    assert taken(world.memory(256), process(1, 10), process(2, 250))
    assert not taken(world.memory(265), process(1, 10), process(2, 250))


def test_shared_memory_that_is_mapped_and_behind_a_descriptor_counts_once():
    world = World(pages={1: (10, 200)}, behind=200)
    assert not taken(world.memory(256), process(1, 210))
    assert taken(evolve(world, behind=250).memory(256), process(1, 210))


def test_very_many_mappings_are_counted_in_turns():
    """Other kernels are checked in between."""
    world = World(mapped=20, behind=300)
    memory = world.memory(256)
    assert not memory.check([process(1, 1)])
    assert world.now < 100 + 3 * TURN
    turns = 0
    while not memory.go_on():
        assert memory.counting
        turns += 1
    assert turns > 5


def test_too_many_mappings_to_count_exceed_the_limit():
    world = World(mapped=10**9)
    assert taken(world.memory(256), process(1, 1))
    assert world.now < 100 + LONGEST + 1


def test_many_large_ones_are_counted_in_turns():
    """88 sleeping forks of 700 MB: each turn reads one, with other kernels' checks in between."""
    forks = [process(pid, 700) for pid in range(1, 89)]
    world = World(pages={fork.pid: (8, 0) for fork in forks}, dear=0.125)
    memory = world.memory(1024)
    assert not memory.check(forks)
    assert world.read == []
    for turn in range(1, 89):
        assert memory.counting
        assert not memory.go_on()
        assert len(world.read) == turn
    assert not memory.counting


def test_small_ones_fit_into_a_turn():
    forks = [process(pid, 70) for pid in range(1, 89)]
    world = World(dear=TURN / 100)
    memory = world.memory(1024)
    memory.check(forks)
    memory.go_on()
    assert len(world.read) == 88


def test_who_sleeps_is_not_counted_again():
    forks = [process(pid, 700) for pid in range(1, 9)]
    world = World(pages={fork.pid: (8, 0) for fork in forks}, dear=0.125)
    memory = world.memory(1024)
    assert not taken(memory, *forks)
    world.now += 3600
    assert not taken(memory, *forks)
    assert len(world.read) == 8


def test_who_has_grown_is_counted_again_after_a_pause():
    forks = [process(pid, 700) for pid in range(1, 9)]
    world = World(pages={fork.pid: (8, 0) for fork in forks}, dear=0.125)
    memory = world.memory(1024)
    assert not taken(memory, *forks)
    writing = [evolve(fork, faults=50_000) for fork in forks]
    assert not taken(memory, *writing)
    assert len(world.read) == 8
    world.now += PAUSES * 8 * 0.125
    world.pages[3] = (1100, 0)
    assert taken(memory, *writing)


def test_those_that_were_given_most_are_counted_first():
    forks = [process(pid, 700, faults=pid) for pid in range(1, 89)]
    world = World(pages={88: (2000, 0)}, dear=0.125)
    assert taken(world.memory(1024), *forks)
    assert world.read == [88]


def test_a_little_growth_is_counted_after_a_long_pause():
    forks = [process(pid, 700) for pid in range(1, 9)]
    world = World(dear=0.125)
    memory = world.memory(1024)
    taken(memory, *forks)
    world.now += LONG_PAUSES * 8 * 0.125
    taken(memory, evolve(forks[0], faults=1), *forks[1:])
    assert len(world.read) == 16
