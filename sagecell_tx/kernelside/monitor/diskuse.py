"""The disk usage of a kernel, counted a few entries at a time while its program runs.

A program may make any number of entries, at any depth, and move them while they are counted. So a
count continues where it stopped, has at most two descriptors open besides the root's, follows no
link, and has a bounded number of steps: a kernel whose count needs more is over its limit.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from attrs import define, field, frozen

#: Bytes that an entry counts besides its blocks: an empty file, too, takes an inode.
ENTRY = 4096

#: Directories that may wait to be counted: the name of each is kept.
WAITING = 20_000

#: How deep a tree may be: about five times the depth that a path of Linux can express.
DEPTH = 10_000

#: Steps that a count may take for each entry that is allowed. Two are enough unless the program
#: moves directories, so that the way back up has to be searched.
_STEPS = 10

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@frozen
class _CountedDirectory:
    """A directory on the path to the current one: its name in its parent, and its identity."""

    name: str
    identity: tuple[int, int]
    waiting: list[str] = field(factory=list)  # directories in it that are still to be counted


@define(kw_only=True, eq=False)
class DiskUse:
    """Counts the bytes below a directory, repeatedly, and reports when they exceed `most`.

    `root` is a readable descriptor of the directory, which `close` closes. `deepest` and
    `most_waiting` limit the depth and the number of directories still to be counted.
    """

    root: int
    most: float
    deepest: int = DEPTH
    most_waiting: int = WAITING
    _way: list[_CountedDirectory] = field(factory=list, init=False)
    _current: int = field(default=-1, init=False)  # a descriptor of the last directory in `_way`
    _entries: Any = field(default=None, init=False)  # its entries that are still to be counted
    _total: int = field(default=0, init=False)
    _waiting: int = field(default=0, init=False)
    _steps: int = field(default=0, init=False)

    @property
    def under_way(self) -> bool:
        """Whether a count has begun and not ended: call `exceeds` again soon."""
        return bool(self._way)

    def exceeds(self, steps: int) -> bool:
        """Continue the count for so many steps; returns whether a limit is exceeded.

        A step counts one entry, or enters or leaves a directory. When a count has ended, the next
        call begins a new one.
        """
        if not self._way:
            self._total = self._waiting = self._steps = 0
            self._enter(self.root, ".")
        until = self._steps + steps
        while self._way and self._steps < until:
            self._step()
            if self._is_too_much():
                self._forget()
                return True
        return False

    def close(self) -> None:
        """Close all descriptors."""
        self._forget()
        os.close(self.root)

    def _is_too_much(self) -> bool:
        return (
            self._total > self.most
            or self._waiting > self.most_waiting
            or len(self._way) > self.deepest
            or self._steps > _STEPS * (self.most / ENTRY + 1000)
        )

    def _step(self) -> None:
        self._steps += 1
        entry = None
        if self._entries is not None:
            with suppress(OSError):
                entry = next(self._entries, None)
        if entry is not None:
            self._add(entry)
        elif self._way[-1].waiting:
            self._waiting -= 1
            self._enter(self._current, self._way[-1].waiting.pop())
        else:
            self._leave()

    def _add(self, entry: os.DirEntry[str]) -> None:
        self._total += ENTRY
        with suppress(OSError):  # gone meanwhile
            self._total += entry.stat(follow_symlinks=False).st_blocks * 512
            if entry.is_dir(follow_symlinks=False):
                self._way[-1].waiting.append(entry.name)
                self._waiting += 1

    def _enter(self, parent: int, name: str) -> None:
        """Enter a directory, if it still exists and is in the root's file system."""
        with suppress(OSError):
            inner = os.open(name, _DIRECTORY, dir_fd=parent)
            identity = _identity(inner)
            if self._way and identity[0] != self._way[0].identity[0]:
                os.close(inner)
            else:
                self._way.append(_CountedDirectory(name, identity))
                self._go_on_in(inner)
                self._entries = os.scandir(inner)

    def _leave(self) -> None:
        """Return to the parent directory."""
        self._way.pop()
        if not self._way:
            self._forget()
            return
        with suppress(OSError):
            above = os.open("..", _DIRECTORY, dir_fd=self._current)
            if _identity(above) == self._way[-1].identity:
                self._go_on_in(above)
                return
            os.close(above)
        self._find_back()

    def _find_back(self) -> None:
        """Return to the deepest directory in `_way` that is still where it was."""
        self._go_on_in(os.dup(self.root))
        for number, level in enumerate(self._way[1:], 1):
            self._steps += 1
            with suppress(OSError):
                inner = os.open(level.name, _DIRECTORY, dir_fd=self._current)
                if _identity(inner) == level.identity:
                    self._go_on_in(inner)
                    continue
                os.close(inner)
            self._waiting -= sum(len(lost.waiting) for lost in self._way[number:])
            del self._way[number:]
            return

    def _go_on_in(self, directory: int) -> None:
        if self._entries is not None:
            self._entries.close()
        if self._current >= 0:
            os.close(self._current)
        self._current, self._entries = directory, None

    def _forget(self) -> None:
        self._way.clear()
        self._go_on_in(-1)


def _identity(directory: int) -> tuple[int, int]:
    found = os.stat(directory)
    return found.st_dev, found.st_ino
