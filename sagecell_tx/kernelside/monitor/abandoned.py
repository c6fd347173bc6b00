"""Ends what a fork server has left of its kernels, if it was killed.

A kernel ends with its fork server, and in a PID namespace all its processes with it. Elsewhere, those
in sessions of their own would stay, with nobody to measure or to end them.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from contextlib import suppress

from sagecell_tx.kernelside.system import processtable
from sagecell_tx.kernelside.system.processtable import Process

#: Rounds in which processes are looked for that others have started meanwhile.
_ROUNDS = 10


def kill_all(seen: Iterable[tuple[int, float]]) -> None:
    """Kill the processes with these keys, and all below them.

    A process that began after it could be seen, and has lost its parent since, is not found.
    """
    known, killed = {*seen}, set[tuple[int, float]]()
    for _ in range(_ROUNDS):
        below = processtable.by_parent()
        table = (each for children in below.values() for each in children)
        found = [each for each in table if each.key in known]
        for each in [*found, *(child for one in found for child in _below(one, below))]:
            known.add(each.key)
            with suppress(OSError):  # it has ended, or has another account by now
                os.kill(each.pid, signal.SIGKILL)
        if known == killed:
            return
        killed = {*known}


def _below(process: Process, below: dict[int, list[Process]]) -> Iterable[Process]:
    """All that a process has started, directly or not."""
    return (each for each in processtable.tree(process.pid, below) if each.pid != process.pid)
