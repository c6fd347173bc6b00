"""Each kernel has a control group of its own, where Linux lets the server make some.

The group bounds the memory and the threads of all processes in it together, and whatever
is in it can be killed at once, daemons included. They are made, killed and removed here
and nowhere else. Which group they are made in says `delegation`.

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
    """What the fork server asks of its kernels' groups."""

    features: Sequence[str]  # names of what is in force

    def make(self, start: StartCommand) -> int:
        """A new group for a kernel, with its limits; raises OSError.

        Returns a descriptor for `enter`, which the caller closes. `release` gives back
        what was made, also by a failure.
        """

    def usage(self, kernel_id: int) -> int | None:
        """A descriptor of what says the processor time of a kernel's group, if anything does.

        The caller closes it.
        """

    def kill(self, kernel_id: int) -> None:
        """Kill whatever is in a kernel's group. Harmless if repeated, or for unknown ids."""

    def release(self, kernel_id: int) -> bool:
        """Nothing is left of a kernel: remove its group. Whether it had run out of memory.

        Harmless if repeated.
        """

    def close(self) -> None:
        """Kill and remove all that there are."""


def enter(entrance: int) -> None:
    """In a forked process: be in the group, or be no more."""
    try:
        os.write(entrance, b"0")
    except OSError as error:
        print(f"a kernel cannot enter its group: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(1)


class NoGroups:
    """Where no group was delegated: every kernel stays in the one that all are in."""

    features: Sequence[str] = ()

    def make(self, start: StartCommand) -> int:
        """An entrance that leads nowhere."""
        return os.open(os.devnull, os.O_WRONLY)

    def usage(self, kernel_id: int) -> int | None:
        """The time would be everybody's."""
        return None

    def kill(self, kernel_id: int) -> None:
        """The group would be everybody's."""

    def release(self, kernel_id: int) -> bool:
        """Nothing was made, and nobody counted."""
        return False

    def close(self) -> None:
        """Nothing is open."""


@define(eq=False)
class OwnGroups:
    """The groups of one fork server, below a directory of the cgroup2 file system.

    `below` is a descriptor of that directory: kernels, and this process itself, may soon not
    see it any more. `controllers` are those that are in force there. The names say whose the
    groups are, so that others can tell if that process is still there; a kernel may read its own.
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
            # As a shell opens what it writes to; Linux makes no new files there.
            return self._open(f"{name}/cgroup.procs", os.O_WRONLY | os.O_CREAT)
        except OSError as error:
            raise OSError(error.errno, f"no group can be had: {error.strerror}") from error

    def _bound(self, name: str, start: StartCommand) -> None:
        if "memory" in self.controllers:
            # All of its processes or none: half a kernel is of no use to anybody.
            self._write(f"{name}/memory.oom.group", "1")
            self._write(f"{name}/memory.max", str(start.limits.memory_bytes))
            with suppress(OSError):  # not there where Linux has no swap
                self._write(f"{name}/memory.swap.max", "0")
        if "pids" in self.controllers:
            self._write(f"{name}/pids.max", str(start.limits.processes))

    def usage(self, kernel_id: int) -> int | None:
        """See `Groups.usage`: Linux keeps ``cpu.stat``, whichever controllers are in force."""
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
        """See `Groups.close`. Blocks for some seconds at most."""
        self._end([*self._names.values(), *self._emptying])
        self._names.clear()
        self._emptying.clear()
        os.close(self.below)

    def attempt(self) -> None:
        """See that a process can live in a group; raises OSError if none can."""
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
        """Kill and remove what fork servers that are gone have left. Blocks as `close` does."""
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
        """Remove the groups that are empty; the others another time."""
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
        """A number of a file of lines with names and numbers; 0 if it is not there."""
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
    """Whether it is a kernel's group whose fork server is gone."""
    kind, *numbers = name.split("-")
    if kind != "kernel" or len(numbers) != 3 or not all(map(str.isdigit, numbers)):
        return False
    pid, birth = map(int, numbers[:2])
    return processes.birth(pid) != birth
