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
    """Where the hierarchy begins, and else why tests can make no groups there."""
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
    """A group as systemd makes one for a service, and a controller that can be had in it.

    That is ``memory`` if there is such a thing; where the old hierarchies have it, another one
    stands in for everything but its effect.
    """

    path: Path
    controller: str

    def __str__(self) -> str:
        return str(self.path)

    @property
    def groups(self) -> list[str]:
        """The names of the groups below."""
        return sorted(entry.name for entry in self.path.iterdir() if entry.is_dir())

    def procs(self, group: str = ".") -> set[int]:
        return set(map(int, (self.path / group / "cgroup.procs").read_text().split()))

    def give_to(self, user: int) -> None:
        """Delegate it, as User= and Delegate= do."""
        for name in (".", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
            os.chown(self.path / name, user, user)

    def entering(self, group: str = "") -> list[str]:
        """A program that enters it, or a group below, and becomes another one."""
        return ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(self.path / group)]

    @property
    def program(self) -> list[str]:
        """A fork server that is content with the controller, as Python's arguments."""
        return [
            "-c",
            "import functools, sys\n"
            "from sagecell_tx.kernelside.forkserver import delegation, server\n"
            f"groups = functools.partial(delegation.groups, {self.controller!r})\n"
            "sys.exit(server.main(sys.argv[1:], groups))",
        ]


@contextmanager
def a_unit() -> Iterator[Unit]:
    """A unit of its own for a test; skips where there can be none."""
    root, why_not = _root()
    if root is None:
        pytest.skip(why_not)
    # The controllers of the root are everybody's who tests on this machine: they stay on for
    # as long as somebody does.
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
    """Groups of this process's own."""
    return OwnGroups(os.open(str(path), os.O_RDONLY | os.O_DIRECTORY), controllers)


def entering(entrance: int, then: str = "") -> list[str]:
    """A program that enters a group; the descriptor has to be passed on."""
    code = (
        f"from sagecell_tx.kernelside.forkserver import cgroups; cgroups.enter({entrance})\n{then}"
    )
    return [sys.executable, "-P", "-c", code]


def enter(entrance: int) -> subprocess.CompletedProcess[str]:
    """What becomes of a process that enters and ends."""
    return subprocess.run(
        entering(entrance), pass_fds=[entrance], capture_output=True, text=True, check=False
    )
