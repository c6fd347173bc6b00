"""A kernel's share of the processors does not grow with the sessions that its program begins.

Linux gives each session a scheduling group (an autogroup), and each group the same share. A
program with many sessions that work would get the share of as many kernels. The nice value of
their groups is chosen so that together they weigh as much as one. It goes back to 0 when
only one of them works.

Source: sched(7), "The autogroup feature".
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from attrs import define, field

from sagecell_tx.kernelside.table import Process

#: One step of a nice value is so much more or less of a share.
_STEP = 1.25

#: The greatest nice value: the groups of some seventy sessions weigh as one.
_NICEST = 19


def nice_for(sessions: int) -> int:
    """The nice value with which so many groups weigh together as one, or a little less."""
    return min(_NICEST, math.ceil(math.log(max(1, sessions), _STEP)))


@define(eq=False)
class Autogroups:
    """Those of one kernel."""

    _own: dict[tuple[int, float], float] = field(factory=dict, init=False)
    _changed: bool = field(default=False, init=False)

    def level(self, tree: Sequence[Process]) -> None:
        """Give the groups of all sessions their nice value. Where there are no groups, nothing."""
        busy = {each.session for each in tree if each.own > self._own.get(each.key, 0.0)}
        self._own = {each.key: each.own for each in tree}
        nice = nice_for(len(busy))
        if not nice and not self._changed:
            return
        leveled = True
        for pid in {each.session: each.pid for each in tree}.values():
            leveled = _set(pid, nice) and leveled
        self._changed = nice > 0 or not leveled


def _set(pid: int, nice: int) -> bool:
    """Whether the group of a process has that value now, or will never have one.

    Without privilege Linux lets ten values a second be changed on the whole machine.
    """
    path = f"/proc/{pid}/autogroup"
    try:
        with open(path, "rb", buffering=0) as file:
            if file.read(100).split()[-1:] in ([], [b"%d" % nice]):
                return True
        with open(path, "wb", buffering=0) as file:
            file.write(b"%d" % nice)
    except BlockingIOError:
        return False
    except OSError:
        return True  # gone meanwhile, or there is no such thing here
    return True
