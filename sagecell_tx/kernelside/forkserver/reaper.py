"""Waits for kernels that end, and kills every process that one of them has left.

Each kernel adopts the orphans among its descendants; this process adopts those of a kernel that
has ended. So a child of this process that is not a kernel has lost its kernel, and is killed. (A
program that undoes the adoption only brings its orphans here earlier.) Where a kernel has a
control group, all processes in it are killed at once.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Collection
from contextlib import suppress

from attrs import define, field, frozen

from sagecell_tx.kernelside.system import processes

#: For how many generations of orphans a kernel's end waits. Programs that fork faster than they
#: are killed are left to the process limits.
_GENERATIONS = 100


@frozen
class Exited:
    """A kernel that has ended, with its process group and its orphans."""

    kernel_id: int
    pid: int
    status: int | None
    signal: int | None
    reason: str | None  # that of `Reaper.condemn`


@define(eq=False)
class _Ending:
    exited: Exited
    orphans: set[int]
    generations: int = 0


@define(eq=False)
class Reaper:
    """The running kernels, by id and by pid.

    `kill_rest` is called with a kernel's id when the kernel ends or is killed, and kills further
    processes of it. `own` are children of this process that are neither kernels nor orphans.
    """

    kill_rest: Callable[[int], None]
    own: Collection[int] = ()
    _pids: dict[int, int] = field(init=False, factory=dict)
    _ids: dict[int, int] = field(init=False, factory=dict)
    _condemned: dict[int, str] = field(init=False, factory=dict)
    _ending: list[_Ending] = field(init=False, factory=list)

    def __contains__(self, kernel_id: object) -> bool:
        return kernel_id in self._pids or any(
            ending.exited.kernel_id == kernel_id for ending in self._ending
        )

    def add(self, kernel_id: int, pid: int) -> None:
        """Add a kernel that was just forked."""
        self._pids[kernel_id] = pid
        self._ids[pid] = kernel_id

    def pid(self, kernel_id: int) -> int | None:
        """A kernel's pid, which no other process gets before it is reaped; None for no kernel."""
        return self._pids.get(kernel_id)

    def signal(self, kernel_id: int, number: int) -> None:
        """Signal a kernel's process group. Nothing happens for an unknown id."""
        pid = self._pids.get(kernel_id)
        if pid is not None:
            processes.kill_group(pid, number)

    def condemn(self, kernel_id: int, reason: str) -> None:
        """Kill a kernel's process group; `reap` then gives `reason` with its end."""
        pid = self._pids.get(kernel_id)
        if pid is not None and kernel_id not in self._condemned:
            self._condemned[kernel_id] = reason
            processes.kill_group(pid, signal.SIGKILL)

    def reap(self) -> list[Exited]:
        """Reap the children that have ended; returns the kernels of which no process is left."""
        reaped = set(self._wait())
        if not reaped:
            return []
        orphans = self.kill_orphans()
        gone: list[Exited] = []
        for ending in list(self._ending):
            before, ending.orphans = ending.orphans, ending.orphans - reaped
            if ending.generations == 0 or before != ending.orphans:
                # Its orphans were reaped, so their own orphans may be children now.
                ending.generations += 1
                if ending.generations <= _GENERATIONS:
                    ending.orphans |= orphans
            if not ending.orphans:
                self._ending.remove(ending)
                gone.append(ending.exited)
        return gone

    def end_all(self) -> None:
        """Kill every kernel and all that they started; returns when all have been reaped.

        The processes in `own` must have ended before.
        """
        for pid, kernel_id in self._ids.items():
            processes.kill_group(pid, signal.SIGKILL)
            self.kill_rest(kernel_id)
        self._ids.clear()
        with suppress(ChildProcessError):
            while True:
                self.kill_orphans()
                os.waitpid(-1, 0)

    def _wait(self) -> list[int]:
        """Reap each child that has ended, and kill the process group of each kernel."""
        reaped = []
        with suppress(ChildProcessError):
            # WNOWAIT: until the kernel is reaped, no other process group can have its number.
            while end := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                pid = end.si_pid
                kernel_id = self._ids.pop(pid, None)
                if kernel_id is not None:
                    del self._pids[kernel_id]
                    with suppress(ProcessLookupError):
                        os.killpg(pid, signal.SIGKILL)
                    self.kill_rest(kernel_id)
                    by_signal = end.si_code != os.CLD_EXITED
                    exited = Exited(
                        kernel_id,
                        pid,
                        None if by_signal else end.si_status,
                        end.si_status if by_signal else None,
                        self._condemned.pop(kernel_id, None),
                    )
                    self._ending.append(_Ending(exited, set()))
                os.waitpid(pid, 0)
                reaped.append(pid)
        return reaped

    def kill_orphans(self) -> set[int]:
        """Kill the children of this process that are no kernels; returns their pids.

        No signal tells of a process that is adopted while its kernel runs: a program may bring that about.
        """
        orphans = processes.children() - self._ids.keys() - set(self.own)
        for pid in orphans:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return orphans
