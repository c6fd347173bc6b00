"""A control group for each kernel, where Linux lets the server make them.

The group limits the memory and the threads of all its processes together, and all of them,
daemons included, can be killed at once. Groups are made, killed and removed only here;
`delegation` finds the group that they are made in.

Source: Documentation/admin-guide/cgroup-v2.rst of Linux.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Protocol

from attrs import define, field

from sagecell_tx.kernelside.startcommand import TRIAL, StartCommand
from sagecell_tx.kernelside.system import processes

#: How long groups whose processes were killed may take to become empty, in seconds.
_PATIENCE = 5.0


class Groups(Protocol):
    """The control groups of a fork server's kernels."""

    features: Sequence[str]  # names of what is in force

    def make(self, start: StartCommand) -> int:
        """Make a group with a kernel's limits; raises OSError.

        Returns a descriptor for `enter`, which the caller closes. Call `release` even after a
        failure, which may have left a group.
        """

    def usage(self, kernel_id: int) -> int | None:
        """A descriptor of the ``cpu.stat`` of a kernel's group, which the caller closes.

        None if there is no such file.
        """

    def kill(self, kernel_id: int) -> None:
        """Kill all processes in a kernel's group. Harmless if repeated, or for unknown ids."""

    def release(self, kernel_id: int) -> bool:
        """Kill the rest of a kernel's group and remove it; True if it ran out of memory.

        Harmless if repeated.
        """

    def close(self) -> None:
        """Kill and remove all groups."""


def enter(entrance: int) -> None:
    """Move this forked process into the group, or end it."""
    try:
        os.write(entrance, b"0")
    except OSError as error:
        print(f"a kernel cannot enter its group: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(1)


class NoGroups:
    """The groups where none was delegated: every kernel stays in the fork server's own."""

    features: Sequence[str] = ()

    def make(self, start: StartCommand) -> int:
        """A descriptor of /dev/null."""
        return os.open(os.devnull, os.O_WRONLY)

    def usage(self, kernel_id: int) -> int | None:
        """None: the shared group's time is that of all kernels."""
        return None

    def kill(self, kernel_id: int) -> None:
        """Do nothing: the shared group contains all kernels."""

    def release(self, kernel_id: int) -> bool:
        """False: there is no group, and so no count of kills for want of memory."""
        return False

    def close(self) -> None:
        """Do nothing."""


@define(eq=False)
class OwnGroups:
    """The groups of one fork server, below a directory of the cgroup2 file system.

    `below` is a descriptor of that directory, since the sandbox may hide its path from this
    process. `controllers` are those enabled for groups in it. A group's name contains the fork
    server's pid and birth, so that `sweep` finds those of fork servers that have ended; a kernel
    can read the name of its own.
    """

    below: int
    controllers: Collection[str]
    features: Sequence[str] = field(default=("cgroup",), init=False)
    _prefix: str = field(init=False)
    _names: dict[int, str] = field(factory=dict, init=False)  # by the kernels' ids
    _emptying: list[str] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        self._prefix = f"kernel-{os.getpid()}-{processes.birth(os.getpid())}-"

    def make(self, start: StartCommand) -> int:
        """See `Groups.make`."""
        name = f"{self._prefix}{start.kernel_id}"
        try:
            os.mkdir(name, dir_fd=self.below)
            self._names[start.kernel_id] = name
            self._bound(name, start)
            # O_CREAT as with a shell's redirection; Linux makes no new files there.
            return self._open(f"{name}/cgroup.procs", os.O_WRONLY | os.O_CREAT)
        except OSError as error:
            raise OSError(error.errno, f"cannot make a control group: {error.strerror}") from error

    def _bound(self, name: str, start: StartCommand) -> None:
        if "memory" in self.controllers:
            # Kill all of its processes or none: the rest of a kernel is of no use.
            self._write(f"{name}/memory.oom.group", "1")
            self._write(f"{name}/memory.max", str(start.limits.memory_bytes))
            with suppress(OSError):  # the file is missing where Linux has no swap
                self._write(f"{name}/memory.swap.max", "0")
        if "pids" in self.controllers:
            self._write(f"{name}/pids.max", str(start.limits.processes))

    def usage(self, kernel_id: int) -> int | None:
        """See `Groups.usage`: ``cpu.stat`` needs no controller."""
        with suppress(OSError, KeyError):
            return self._open(f"{self._names[kernel_id]}/cpu.stat", os.O_RDONLY)
        return None

    def kill(self, kernel_id: int) -> None:
        """See `Groups.kill`."""
        name = self._names.get(kernel_id)
        if name is not None:
            self._kill(name)

    def release(self, kernel_id: int) -> bool:
        """See `Groups.release`."""
        name = self._names.pop(kernel_id, None)
        if name is None:
            return False
        ran_out = self._counted(f"{name}/memory.events", "oom_kill") > 0
        self._kill(name)
        self._emptying.append(name)
        self._remove()
        return ran_out

    def close(self) -> None:
        """See `Groups.close`. Blocks for at most five seconds."""
        self._end([*self._names.values(), *self._emptying])
        self._names.clear()
        self._emptying.clear()
        os.close(self.below)

    def attempt(self) -> None:
        """Check that a process can enter a group; raises OSError if not."""
        try:
            entrance = self.make(TRIAL)
            pid = os.fork()
            if pid == 0:
                enter(entrance)
                os._exit(0)
            os.close(entrance)
            if os.waitpid(pid, 0)[1] != 0:
                raise OSError(0, "no process can enter it")
        finally:
            self.release(TRIAL.kernel_id)

    def sweep(self) -> None:
        """Kill and remove the groups of fork servers that have ended. Blocks as `close` does."""
        self._end([name for name in os.listdir(self.below) if _is_left(name)])

    def _end(self, names: Sequence[str]) -> None:
        deadline = time.monotonic() + _PATIENCE
        for name in names:
            self._kill(name)
        for name in names:
            self._await_empty(name, deadline)
        self._emptying += names
        self._remove()

    def _remove(self) -> None:
        """Remove the groups that are empty; keep the others for the next call."""
        for name in list(self._emptying):
            try:
                os.rmdir(name, dir_fd=self.below)
            except FileNotFoundError:
                self._emptying.remove(name)
            except OSError:
                continue
            else:
                self._emptying.remove(name)

    def _kill(self, name: str) -> None:
        with suppress(OSError):  # gone already
            self._write(f"{name}/cgroup.kill", "1")

    def _await_empty(self, name: str, deadline: float) -> None:
        with suppress(OSError), self._reading(f"{name}/cgroup.events") as events:
            changes = select.poll()
            changes.register(events, select.POLLPRI)
            while b"populated 1" in os.pread(events, 4096, 0):
                left = deadline - time.monotonic()
                if left <= 0 or not changes.poll(left * 1000):
                    return

    def _counted(self, path: str, name: str) -> int:
        """The number after `name` in a file of such lines; 0 if either is missing."""
        with suppress(OSError, ValueError), self._reading(path) as descriptor:
            for line in os.read(descriptor, 4096).decode("ascii").splitlines():
                key, _, number = line.partition(" ")
                if key == name:
                    return int(number)
        return 0

    @contextmanager
    def _reading(self, path: str) -> Iterator[int]:
        descriptor = self._open(path, os.O_RDONLY)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _write(self, path: str, text: str) -> None:
        with open(path, "wb", buffering=0, opener=self._open) as file:
            file.write(text.encode("ascii"))

    def _open(self, path: str, flags: int) -> int:
        return os.open(path, flags | os.O_CLOEXEC, 0o644, dir_fd=self.below)


def _is_left(name: str) -> bool:
    """Whether this is the group of a kernel whose fork server has ended."""
    kind, *numbers = name.split("-")
    if kind != "kernel" or len(numbers) != 3 or not all(map(str.isdigit, numbers)):
        return False
    pid, birth = map(int, numbers[:2])
    return processes.birth(pid) != birth
