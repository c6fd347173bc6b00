"""Directory trees that strangers made, removed whatever is in them.

A tree may be deeper than a path can be long, and than there are descriptors or frames of a stack:
one directory is open at a time, and the way up is ``..``, checked to lead where the way down
came from. Nothing is followed: neither links nor mounts. Nothing is made on the way either, since
the disk may be full.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from attrs import define, field, frozen

_DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class NotRemoved(Exception):
    """Something is left of a tree; the text says how much, and why the first of it."""


class GivenUp(NotRemoved):
    """Whoever wanted the tree removed does not want to wait any longer."""


def remove(path: Path, wanted: Callable[[], bool] = lambda: True) -> None:
    """Remove the directory `path` and all that is below it, while that is `wanted`. Blocks.

    Raises `NotRemoved` when something is left; all the rest is gone then. A path where nothing
    is, is no error.
    """
    removal = _Removal(wanted)
    try:
        top = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as error:
        raise NotRemoved(f"{path.parent}: {error.strerror}") from error
    try:
        removal.run(top, path.name)
    finally:
        os.close(top)
    removal.check()


@frozen
class _EnteredDirectory:
    """A directory on the way down: its name in the one above, and what it has to be again."""

    name: str
    identity: tuple[int, int]
    below: list[str]  # directories in it that are still to be removed


@define
class _Removal:
    wanted: Callable[[], bool]
    _left: int = field(default=0, init=False)
    _why: str = field(default="", init=False)

    def check(self) -> None:
        """Raises `NotRemoved` if anything is left."""
        if self._left:
            raise NotRemoved(f"{self._left} could not be removed, the first of them {self._why}")

    def run(self, top: int, name: str) -> None:
        """Remove a directory of `top`, which stays open."""
        mount = _mount(top)
        way: list[_EnteredDirectory] = []
        current = os.dup(top)
        try:
            waiting = [name]
            while True:
                if waiting:
                    name = waiting.pop()
                    inner = self._enter(current, name, mount)
                    if inner is not None:
                        way.append(_EnteredDirectory(name, _identity(current), waiting))
                        os.close(current)
                        current = inner
                        waiting = self._empty(current)
                    continue
                if not way:
                    return
                level = way.pop()
                current = self._ascend(current, level.identity)
                self._attempt(level.name, os.rmdir, current)
                waiting = level.below
        finally:
            os.close(current)

    def _enter(self, parent: int, name: str, mount: str) -> int | None:
        """Open a directory; None for what is not to be entered."""
        try:
            inner = _open(parent, name)
        except OSError as error:
            self._keep(name, error)
            return None
        try:
            if _mount(inner) == mount:
                return inner
            self._keep(name, "something is mounted there")
        except OSError as error:
            self._keep(name, error)
        os.close(inner)
        return None

    def _empty(self, directory: int) -> list[str]:
        """Remove all but the directories of a directory; returns their names."""
        below: list[str] = []
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    if not self.wanted():
                        raise GivenUp("there was no time to remove all of it")
                    if entry.is_dir(follow_symlinks=False):
                        below.append(entry.name)
                    else:
                        self._attempt(entry.name, os.unlink, directory)
        except OSError as error:
            self._keep(".", error)
        return below

    def _ascend(self, directory: int, expected: tuple[int, int]) -> int:
        """The directory above, in place of this one; raises `NotRemoved` if it is another."""
        try:
            above = os.open("..", os.O_RDONLY | _DIRECTORY, dir_fd=directory)
        except OSError as error:
            raise NotRemoved(f"no way up: {error.strerror}") from error
        if _identity(above) != expected:
            os.close(above)
            raise NotRemoved("a directory was moved away meanwhile")
        os.close(directory)
        return above

    def _attempt(self, name: str, how: Callable[..., None], directory: int) -> None:
        try:
            how(name, dir_fd=directory)
        except FileNotFoundError:
            pass
        except OSError as error:
            self._keep(name, error)

    def _keep(self, name: str, why: OSError | str) -> None:
        """Something stays where it is; of directories above it, only that they are not empty."""
        if isinstance(why, FileNotFoundError):
            return
        self._left += 1
        if not self._why:
            self._why = f"{name[:100]!a}: {why if isinstance(why, str) else why.strerror}"


def _open(parent: int, name: str) -> int:
    """Open a directory, with all rights on it: a program may have locked its own."""
    try:
        inner = os.open(name, os.O_RDONLY | _DIRECTORY, dir_fd=parent)
    except PermissionError:
        # By way of /proc it is this directory that is changed, and never what a link leads to.
        locked = os.open(name, os.O_PATH | _DIRECTORY, dir_fd=parent)
        try:
            os.chmod(f"/proc/self/fd/{locked}", stat.S_IRWXU)
        finally:
            os.close(locked)
        return os.open(name, os.O_RDONLY | _DIRECTORY, dir_fd=parent)
    if os.fstat(inner).st_mode & stat.S_IRWXU != stat.S_IRWXU:
        with suppress(OSError):  # somebody else's: what is in it will say so
            os.fchmod(inner, stat.S_IRWXU)
    return inner


def _identity(directory: int) -> tuple[int, int]:
    found = os.stat(directory)
    return found.st_dev, found.st_ino


def _mount(directory: int) -> str:
    """Which mount a directory is in: a file system's number may be that of the one above."""
    with open(f"/proc/self/fdinfo/{directory}", encoding="ascii") as info:
        return next(line for line in info if line.startswith("mnt_id:"))
