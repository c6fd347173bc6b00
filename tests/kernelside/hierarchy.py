"""A part of this machine's real cgroup2 hierarchy for tests, and programs that enter it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import pytest
from attrs import frozen

from sagecell_tx.kernelside.forkserver.cgroups import OwnGroups
from tests.kernelside.driving import gone


@cache
def _root() -> tuple[Path | None, str]:
    """The root of the hierarchy, or None and why tests can make no groups there."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        mounts = [line.split() for line in file]
    found = next((fields[4] for fields in mounts if "cgroup2" in fields[6:]), None)
    if found is None:
        return None, "no cgroup2 file system is mounted"
    trial = Path(found, f"sagecell-trial-{uuid.uuid4().hex[:8]}")
    try:
        trial.mkdir()
    except OSError as error:
        return None, f"no group can be made in {found}: {error.strerror}"
    trial.rmdir()
    if not Path(found, "cgroup.controllers").read_text().split():
        return None, f"{found} has no controller to turn on"
    return Path(found), ""


@frozen
class Unit:
    """A group as systemd makes one for a service, and a controller that is available in it.

    That is ``memory`` if possible; where it is in a hierarchy of cgroup v1, another controller
    takes its place, without its effect.
    """

    path: Path
    controller: str

    def __str__(self) -> str:
        return str(self.path)

    @property
    def groups(self) -> list[str]:
        """The names of the groups in it."""
        return sorted(entry.name for entry in self.path.iterdir() if entry.is_dir())

    def procs(self, group: str = ".") -> set[int]:
        return set(map(int, (self.path / group / "cgroup.procs").read_text().split()))

    def give_to(self, user: int) -> None:
        """Delegate it, as User= and Delegate= do."""
        for name in (".", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
            os.chown(self.path / name, user, user)

    def entering(self, group: str = "") -> list[str]:
        """A command that enters it, or a group in it, and executes another program."""
        return ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(self.path / group)]

    @property
    def program(self) -> list[str]:
        """Python's arguments for a fork server that requires only this controller."""
        return [
            "-c",
            "import functools, sys\n"
            "from sagecell_tx.kernelside.forkserver import delegation, server\n"
            f"groups = functools.partial(delegation.groups, needed={self.controller!r})\n"
            "sys.exit(server.main(sys.argv[1:], groups))",
        ]


@contextmanager
def a_unit() -> Iterator[Unit]:
    """A unit for one test; skips where none can be made."""
    root, why_not = _root()
    if root is None:
        pytest.skip(why_not)
    # All test runs on this machine share the root's controllers: they stay enabled until the last
    # run has ended.
    lock = os.open(root, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_SH)
    there = (root / "cgroup.controllers").read_text().split()
    controller = "memory" if "memory" in there else there[0]
    control = root / "cgroup.subtree_control"
    turned_on = controller not in control.read_text().split()
    if turned_on:
        control.write_text(f"+{controller}")
    unit = Unit(root / f"sagecell-{uuid.uuid4().hex[:8]}", controller)
    try:
        unit.path.mkdir()
        yield unit
        (unit.path / "cgroup.kill").write_text("1")
        for name in (*unit.groups, "."):
            assert all(map(gone, unit.procs(name)))
        for name in (*unit.groups, ""):
            os.rmdir(unit.path / name)
    finally:
        if turned_on:
            with suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                control.write_text(f"-{controller}")
        os.close(lock)


def below(path: object, *controllers: str) -> OwnGroups:
    """The groups in a unit, as an object in this process."""
    return OwnGroups(os.open(str(path), os.O_RDONLY | os.O_DIRECTORY), controllers)


def entering(entrance: int, then: str = "") -> list[str]:
    """A command that enters a group; the descriptor has to be inherited."""
    code = (
        f"from sagecell_tx.kernelside.forkserver import cgroups; cgroups.enter({entrance})\n{then}"
    )
    return [sys.executable, "-P", "-c", code]


def enter(entrance: int) -> subprocess.CompletedProcess[str]:
    """The result of a process that enters a group and ends."""
    return subprocess.run(
        entering(entrance), pass_fds=[entrance], capture_output=True, text=True, check=False
    )
