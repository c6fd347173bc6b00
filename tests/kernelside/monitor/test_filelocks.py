"""How locks on parts of files are counted, and for how long at once. Without files."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, field

from sagecell_tx.kernelside.monitor.filelocks import FEW, LONGEST, MOST, PAUSE, FileLocks
from sagecell_tx.kernelside.monitor.slowfigures import TURN
from sagecell_tx.kernelside.system.processtable import Process


def process(pid: int) -> Process:
    return Process(
        pid=pid,
        thread=pid,
        parent=1,
        session=1,
        running=False,
        faults=0,
        own=0.0,
        waited=0.0,
        threads=1,
        born=float(pid),
        resident=0,
    )


@define
class Table:
    """The table of Linux, each line of which takes `dear` seconds to read."""

    locks: list[tuple[int, int]] = field(factory=list)  # pid, number
    dear: float = 0.0
    now: float = 100.0
    readings: int = 0

    def lines(self) -> Iterator[bytes]:
        self.readings += 1
        for pid, number in self.locks:
            for each in range(number):
                self.now += self.dear
                yield b"%d: POSIX  ADVISORY  WRITE %d 00:1b:7 %d EOF\n" % (each, pid, each)

    def clock(self) -> float:
        return self.now

    def file_locks(self) -> FileLocks:
        return FileLocks(self.lines, self.clock)


def counted(locks: FileLocks) -> int:
    """Count to the end; returns the number of turns."""
    locks.begin()
    turns = 0
    while locks.under_way:
        locks.go_on()
        turns += 1
    return turns


def test_the_locks_of_all_processes_of_a_kernel():
    table = Table([(1, MOST // 2), (2, MOST // 2), (3, MOST // 2)])
    locks = table.file_locks()
    counted(locks)
    assert not locks.are_too_many([process(1), process(2)])
    assert locks.are_too_many([process(1), process(2), process(3)])


def test_too_many_are_noticed_before_all_are_counted():
    table = Table([(1, 10**9)], dear=TURN / 100)
    locks = table.file_locks()
    locks.begin()
    turns = 0
    while not locks.are_too_many([process(1)]):
        locks.go_on()
        turns += 1
    assert locks.under_way
    assert 5 < turns < 50


def test_a_turn_takes_little_time():
    table = Table([(1, 1000)], dear=TURN / 10)
    locks = table.file_locks()
    locks.begin()
    locks.go_on()
    assert locks.under_way
    assert table.now < 100 + 2 * TURN


def test_of_very_many_only_the_first_are_counted_and_then_fewer_are_too_many():
    table = Table([(1, FEW - 1), (2, FEW + 1), (3, 10**9)], dear=LONGEST / (4 * FEW))
    locks = table.file_locks()
    counted(locks)
    assert table.now < 100 + LONGEST + 2 * TURN
    assert not locks.are_too_many([process(1)])
    assert locks.are_too_many([process(2)])
    assert locks.are_too_many([process(3)])


def test_locks_that_are_gone_count_no_longer():
    table = Table([(1, MOST + 1)])
    locks = table.file_locks()
    counted(locks)
    assert locks.are_too_many([process(1)])
    table.locks = []
    table.now += PAUSE
    counted(locks)
    assert not locks.are_too_many([process(1)])


def test_what_is_known_stays_while_the_next_count_is_made():
    table = Table([(1, MOST + 1)])
    locks = table.file_locks()
    counted(locks)
    table.now, table.dear = table.now + PAUSE, TURN
    locks.begin()
    locks.go_on()
    assert locks.under_way
    assert locks.are_too_many([process(1)])


def test_a_count_is_not_made_again_at_once():
    table = Table([(1, 100)], dear=LONGEST / 200)
    locks = table.file_locks()
    counted(locks)
    for passed, readings in ((PAUSE, 1), (5 * LONGEST, 2)):
        table.now += passed
        counted(locks)
        assert table.readings == readings
    table.dear = 0.0
    table.now += 5 * LONGEST
    counted(locks)
    table.now += PAUSE - 0.1
    counted(locks)
    assert table.readings == 3


def test_only_locks_on_parts_of_files_count():
    """Of the others, a descriptor has one."""
    waiting = b"2: -> POSIX  ADVISORY  WRITE 1 00:1b:7 0 EOF\n"
    others = (
        b"1: FLOCK  ADVISORY  WRITE 1 00:1b:7 0 EOF\n",
        b"3: LEASE  ACTIVE    READ  1 00:1b:7 0 EOF\n",
        b"4: OFDLCK ADVISORY  READ  -1 00:1b:7 0 EOF\n",
        b"5:\n",
        b"6: POSIX  ADVISORY  WRITE <none> 0 0 EOF\n",
    )
    locks = FileLocks(lambda: iter((*others, waiting) * (MOST + 1)), Table().clock)
    counted(locks)
    assert not locks.are_too_many([process(1)])


def test_a_system_without_the_table():
    def lines() -> Iterator[bytes]:
        with open("/proc/nothing", "rb") as table:
            yield from table

    locks = FileLocks(lines, Table().clock)
    assert counted(locks) == 1
    assert not locks.are_too_many([process(1)])
