"""Removal of directory trees that untrusted programs made.

A tree may be deeper than a path can express, and deeper than the limits on descriptors and
recursion allow: so one directory is open at a time, and the way up is ``..``, checked to be the
directory that the way down came from. Neither links nor mounts are followed. No file is made, since
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
    """Part of a tree is left; the text says how many entries, and why the first one is."""


class GivenUp(NotRemoved):
    """The removal was stopped because `wanted` returned false."""


def remove(path: Path, wanted: Callable[[], bool] = lambda: True) -> None:
    """Remove the directory `path` and all below it, while `wanted` returns true. Blocks.

    Raises `NotRemoved` when something is left, after as much as possible was removed. A path that
    does not exist is not an error.
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
    """A directory on the way down: its name in its parent, and the parent's state."""

    name: str
    identity: tuple[int, int]  # of the parent
    below: list[str]  # directories in the parent that are still to be removed


@define
class _Removal:
    wanted: Callable[[], bool]
    _left: int = field(default=0, init=False)
    _why: str = field(default="", init=False)

    def check(self) -> None:
        """Raise `NotRemoved` if anything is left."""
        if self._left:
            raise NotRemoved(f"{self._left} could not be removed, the first of them {self._why}")

    def run(self, top: int, name: str) -> None:
        """Remove the directory `name` in the directory `top`, a descriptor that stays open."""
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
        """Open a directory; None if that fails or it is in another mount."""
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
        """Remove all entries but directories, whose names it returns."""
        below: list[str] = []
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    if not self.wanted():
                        raise GivenUp("the removal was stopped before its end")
                    if entry.is_dir(follow_symlinks=False):
                        below.append(entry.name)
                    else:
                        self._attempt(entry.name, os.unlink, directory)
        except OSError as error:
            self._keep(".", error)
        return below

    def _ascend(self, directory: int, expected: tuple[int, int]) -> int:
        """Open the parent and close `directory`; raises `NotRemoved` if it is not `expected`."""
        try:
            above = os.open("..", os.O_RDONLY | _DIRECTORY, dir_fd=directory)
        except OSError as error:
            raise NotRemoved(f"a parent directory cannot be opened: {error.strerror}") from error
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
        """Count an entry that is not removed, and keep the reason of the first one."""
        if isinstance(why, FileNotFoundError):
            return
        self._left += 1
        if not self._why:
            self._why = f"{name[:100]!a}: {why if isinstance(why, str) else why.strerror}"


def _open(parent: int, name: str) -> int:
    """Open a directory, with all permissions for its owner: a program may have removed them."""
    try:
        inner = os.open(name, os.O_RDONLY | _DIRECTORY, dir_fd=parent)
    except PermissionError:
        # chmod by way of /proc changes this very directory, and never the target of a link.
        locked = os.open(name, os.O_PATH | _DIRECTORY, dir_fd=parent)
        try:
            os.chmod(f"/proc/self/fd/{locked}", stat.S_IRWXU)
        finally:
            os.close(locked)
        return os.open(name, os.O_RDONLY | _DIRECTORY, dir_fd=parent)
    if os.fstat(inner).st_mode & stat.S_IRWXU != stat.S_IRWXU:
        with suppress(OSError):  # another owner's: removing its entries will fail and be reported
            os.fchmod(inner, stat.S_IRWXU)
    return inner


def _identity(directory: int) -> tuple[int, int]:
    found = os.stat(directory)
    return found.st_dev, found.st_ino


def _mount(directory: int) -> str:
    """The id of a directory's mount: with a bind mount, st_dev may equal the parent's."""
    with open(f"/proc/self/fdinfo/{directory}", encoding="ascii") as info:
        return next(line for line in info if line.startswith("mnt_id:"))
