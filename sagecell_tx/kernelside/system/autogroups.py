"""Keeps a kernel's share of the processors below the server's, however many sessions it has.

Linux gives each session a scheduling group (an autogroup), and each group the same share. The
group of a kernel that is up has a nice value, so that the server and the kernels that are starting
come first under load. A program with many busy sessions would get the share of as many kernels. So
their groups get a nice value with which they weigh together as much as one.

Source: sched(7), "The autogroup feature".
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import suppress

from attrs import define, field

from sagecell_tx.kernelside.system import processtable
from sagecell_tx.kernelside.system.processtable import Process

#: One step of the nice value changes a share by this factor.
_STEP = 1.25

#: The nice value of a kernel that is up: it weighs a fifth of what the server does.
NICE = 7

#: The largest nice value: the groups of some fourteen sessions weigh as one kernel.
_NICEST = 19


def nice_for(sessions: int) -> int:
    """The nice value with which so many groups weigh together as one kernel, or a little less."""
    return min(_NICEST, NICE + math.ceil(math.log(max(1, sessions), _STEP)))


@define(eq=False)
class Autogroups:
    """The scheduling groups of one kernel."""

    _own: dict[tuple[int, float], float] = field(factory=dict, init=False)

    def level(self, tree: Sequence[Process]) -> None:
        """Set the nice value of the groups of all sessions. Does nothing without autogroups."""
        busy = {each.session for each in tree if each.own > self._own.get(each.key, 0.0)}
        self._own = {each.key: each.own for each in tree}
        sessions = {each.session: each for each in tree}
        # A process that was just forked is in the server's session.
        sessions.pop(os.getsid(0), None)
        for each in sessions.values():  # at each call, since a program may have changed it
            give_nice(each.pid, nice_for(len(busy)), each.born)


def give_nice(pid: int, nice: int = NICE, born: float | None = None) -> None:
    """Set the nice value of a process's group, if both exist.

    With `born`, another process that has got the pid since is left alone; without it, the process
    must not have been reaped. This process's own group is left alone: Linux shows a new session a
    moment before the process leaves the old group.

    Without privilege, Linux allows ten changes a second on the whole machine; further ones have no
    effect.
    """
    with suppress(OSError):
        current = _group(f"/proc/{pid}")
        if current[-1:] in ([], [b"%d" % nice]):
            return
        # The descriptor stays with the process that has the pid now.
        directory = os.open(f"/proc/{pid}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if born is not None and not _is(pid, born):
                return
            place = f"/proc/self/fd/{directory}"
            if _group(place)[:1] != _group("/proc/self")[:1]:
                with open(f"{place}/autogroup", "wb", buffering=0) as file:
                    file.write(b"%d" % nice)
        finally:
            os.close(directory)


def _group(process: str) -> list[bytes]:
    """The group's name, ``nice``, and the nice value; empty or OSError without autogroups."""
    with open(f"{process}/autogroup", "rb", buffering=0) as file:
        return file.read(100).split()


def _is(pid: int, born: float) -> bool:
    process = processtable.read(pid)
    return process is not None and process.born == born
