"""A kernel is forked: what it has to be in, and must not keep, before it becomes one."""

from __future__ import annotations

import os
import select
import signal

from attrs import frozen

from sagecell_tx.kernelside.bootstrap import KernelBootstrap
from sagecell_tx.kernelside.forkserver import cgroups
from sagecell_tx.kernelside.sandbox.levels import Level
from sagecell_tx.kernelside.startcommand import StartCommand
from sagecell_tx.kernelside.system import inheritance


@frozen
class Lifeline:
    """A pipe that nobody writes to: while the fork server lives, it can be read from there."""

    _read_end: int
    _write_end: int

    @classmethod
    def make(cls) -> Lifeline:
        """One for a fork server and all its kernels; raises OSError."""
        return cls(*os.pipe())

    def fileno(self) -> int:
        """In a forked process: the descriptor that it needs."""
        return self._write_end

    def is_cut(self) -> bool:
        """In a forked process that has closed the end for reading: is the fork server gone?"""
        poll = select.poll()
        poll.register(self._write_end, 0)
        return bool(poll.poll(0))

    def drop(self) -> None:
        """In a forked process: it asks no more."""
        os.close(self._write_end)


@frozen
class ForkedProcess:
    """What the forked process is to become: the kernel that `start` asks for.

    `bootstrap` has the rest, and `lifeline` tells whether the fork server is still there.
    """

    start: StartCommand
    bootstrap: KernelBootstrap
    lifeline: Lifeline


def fork(level: Level, groups: cgroups.Groups, forked: ForkedProcess) -> ForkedProcess | int:
    """The child's pid; in the child what it is to become. Raises OSError."""
    # A signal before the child has its own handlers would be told to the parent.
    unmasked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        entrance = groups.make(forked.start)
        try:
            pid = level.fork(forked.start, forked.bootstrap)
            if pid == 0:
                cgroups.enter(entrance)
        finally:
            os.close(entrance)
        if pid != 0:
            return pid
        inheritance.reset_signals()
        inheritance.close_all_but(forked.bootstrap.fileno(), forked.lifeline.fileno())
        return forked
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, unmasked)


def signal_descriptor() -> int:
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
