"""Locks on parts of files: a program may have any number, and each takes memory of Linux's own.

A file's bytes can be locked one by one, and no limit of Linux holds for that. Linux tells all locks of the
system in one table, each with the process that made it, the latest first. To read on in it, Linux goes through
all that was read before, and meanwhile nobody gets a lock. So the table is read in turns, and of very many
locks only the first are counted.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from attrs import define, field

from sagecell_tx.kernelside.monitor.slowfigures import TURN
from sagecell_tx.kernelside.system.processtable import Process

#: Locks that the processes of a kernel may have together. A database has a few. Memory would allow more, but who
#: closes a file goes through all its locks, whoever made them, and everybody opens and closes /dev/null.
MOST = 1_000

#: The same while there are too many on this system to count all of them.
FEW = 200

#: Seconds of work after which a count ends, whatever is left.
LONGEST = 1.0

#: The shortest pause between two counts, in seconds; else it is a multiple of the time that the last one took.
PAUSE = 0.4
_PAUSES = 10


def _table() -> Iterator[bytes]:
    """The lines of Linux's table; raises OSError."""
    with open("/proc/locks", "rb", buffering=1 << 14) as table:
        yield from table


@define(eq=False)
class FileLocks:
    """The locks of all processes, counted repeatedly. `table` returns the lines of Linux's table."""

    table: Callable[[], Iterator[bytes]] = _table
    clock: Callable[[], float] = time.monotonic
    _lines: Iterator[bytes] | None = field(default=None, init=False)
    _counted: Counter[int] = field(factory=Counter, init=False)  # by pid, of the present count
    _last: Counter[int] = field(factory=Counter, init=False)  # the same of the last one
    _most: int = field(default=MOST, init=False)
    _cost: float = field(default=0.0, init=False)
    _until: float = field(default=0.0, init=False)

    @property
    def under_way(self) -> bool:
        """Whether a count is unfinished, so that `go_on` has to be called."""
        return self._lines is not None

    def begin(self) -> None:
        """Begin a count, unless one is under way or has only just ended."""
        if self._lines is None and self.clock() >= self._until:
            self._lines, self._cost = self.table(), 0.0

    def go_on(self) -> None:
        """Count for one turn."""
        if self._lines is None:
            return
        began = self.clock()
        is_whole = self._count(self._lines, began + TURN)
        self._cost += self.clock() - began
        if is_whole or self._cost > LONGEST:
            self._most = MOST if is_whole else FEW
            self._lines, self._last, self._counted = None, self._counted, Counter()
            self._until = self.clock() + max(PAUSE, _PAUSES * self._cost)

    def are_too_many(self, tree: Iterable[Process]) -> bool:
        """Whether the processes of a kernel have more locks than they may."""
        known = (max(self._counted[each.pid], self._last[each.pid]) for each in tree)
        return sum(known) > self._most

    def _count(self, lines: Iterator[bytes], until: float) -> bool:
        """Count until this time; returns whether there are no more."""
        with suppress(OSError):
            for line in lines:
                # 1: POSIX  ADVISORY  WRITE 1234 00:1b:7 0 EOF
                fields = line.split(maxsplit=5)
                if len(fields) > 4 and fields[1] == b"POSIX" and fields[4].isdigit():
                    self._counted[int(fields[4])] += 1
                if self.clock() >= until:
                    return False
        return True
