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
        sessions = {each.session: each.pid for each in tree}
        # A process that was just forked is in the server's session.
        sessions.pop(os.getsid(0), None)
        for pid in sessions.values():  # again each time: a program may have changed it
            give_nice(pid, nice_for(len(busy)))


def give_nice(pid: int, nice: int = NICE) -> None:
    """Give the group of a process that value, unless it is gone or there is no such thing here.

    Without privilege Linux lets ten values a second be changed on the whole machine: what is
    one too many changes nothing.
    """
    path = f"/proc/{pid}/autogroup"
    with suppress(OSError):
        with open(path, "rb", buffering=0) as file:
            if file.read(100).split()[-1:] in ([], [b"%d" % nice]):
                return
        with open(path, "wb", buffering=0) as file:
            file.write(b"%d" % nice)
