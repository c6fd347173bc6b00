"""A kernel is forked: what it has to be in, and must not keep, before it becomes one."""

from __future__ import annotations

import os
import signal

from attrs import frozen

from sagecell_tx.kernelside import cgroups
from sagecell_tx.kernelside.sandbox.levels import Level
from sagecell_tx.kernelside.start import Start


@frozen
class Born:
    """What the forked process is to become: the kernel that `start` asks for.

    A byte written to the descriptor `report` tells that its sockets are bound.
    """

    start: Start
    report: int


def fork(level: Level, groups: cgroups.Groups, start: Start, report: int) -> Born | int:
    """The child's pid; in the child what it is to become. Raises OSError."""
    # A signal before the child has its own handlers would be told to the parent.
    unmasked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        entrance = groups.make(start)
        try:
            pid = level.fork(start)
            if pid == 0:
                cgroups.enter(entrance)
        finally:
            os.close(entrance)
        if pid != 0:
            return pid
        forget_signals()
        return Born(start, alone(report))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, unmasked)


def alone(descriptor: int) -> int:
    """Close all descriptors above 2 but this one, the control pipes above all; its new number."""
    if descriptor != 3:
        os.dup2(descriptor, 3, inheritable=False)
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))
    return 3


def hear_signals() -> int:
    """A descriptor from which the numbers of SIGCHLD and SIGTERM can be read as they come."""
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    # Ctrl-C in a terminal reaches this process too; who started it says when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return read_end


def forget_signals() -> None:
    """In a forked process: signals are its own. SIGINT stays ignored between cells."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
