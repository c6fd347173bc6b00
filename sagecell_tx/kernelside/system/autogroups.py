"""A kernel's share of the processors is less than the server's, and does not grow with its sessions.

Linux gives each session a scheduling group (an autogroup), and each group the same share. The
group of a kernel that is up has a nice value, so that the server, and kernels that somebody waits
for, come first when many programs work. A program with many sessions that work would get the share
of as many kernels. The nice value of their groups is chosen so that together they weigh as much
as one.

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

#: One step of a nice value is so much more or less of a share.
_STEP = 1.25

#: The nice value of a kernel that is up: it weighs a fifth of what the server does.
NICE = 7

#: The greatest nice value: the groups of some fourteen sessions weigh as one kernel.
_NICEST = 19


def nice_for(sessions: int) -> int:
    """The nice value with which so many groups weigh together as one kernel, or a little less."""
    return min(_NICEST, NICE + math.ceil(math.log(max(1, sessions), _STEP)))


@define(eq=False)
class Autogroups:
    """Those of one kernel."""

    _own: dict[tuple[int, float], float] = field(factory=dict, init=False)

    def level(self, tree: Sequence[Process]) -> None:
        """Give the groups of all sessions their nice value. Where there are no groups, nothing."""
        busy = {each.session for each in tree if each.own > self._own.get(each.key, 0.0)}
        self._own = {each.key: each.own for each in tree}
        sessions = {each.session: each for each in tree}
        # A process that was just forked is in the server's session.
        sessions.pop(os.getsid(0), None)
        for each in sessions.values():  # again each time: a program may have changed it
            give_nice(each.pid, nice_for(len(busy)), each.born)


def give_nice(pid: int, nice: int = NICE, born: float | None = None) -> None:
    """Give the group of a process that value, unless it is gone or there is no such thing here.

    With `born`, it is not given to another process that has the pid by now; without, the process
    must not have been waited for. A process that is in this one's group keeps it: of one that
    begins a session, Linux tells the session a moment before it has a group of its own.

    Without privilege Linux lets ten values a second be changed on the whole machine: what is
    one too many changes nothing.
    """
    with suppress(OSError):
        told = _group(f"/proc/{pid}")
        if told[-1:] in ([], [b"%d" % nice]):
            return
        # Whatever has the pid later, this leads to the process that has it now.
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
    """The name of a group, ``nice``, and its value; nothing where there are no groups."""
    with open(f"{process}/autogroup", "rb", buffering=0) as file:
        return file.read(100).split()


def _is(pid: int, born: float) -> bool:
    process = processtable.read(pid)
    return process is not None and process.born == born
