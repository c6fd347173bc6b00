"""The fork of a kernel: the child enters its control group and drops what it inherited."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable

from attrs import frozen

from sagecell_tx.kernelside.bootstrap import KernelBootstrap
from sagecell_tx.kernelside.forkserver import cgroups
from sagecell_tx.kernelside.sandbox.levels import Level
from sagecell_tx.kernelside.startcommand import StartCommand
from sagecell_tx.kernelside.system import inheritance


@frozen
class Lifeline:
    """A pipe that nobody writes to. Only the fork server keeps its read end open."""

    _read_end: int
    _write_end: int

    @classmethod
    def make(cls) -> Lifeline:
        """A pipe for a fork server and all its kernels; raises OSError."""
        return cls(*os.pipe())

    def fileno(self) -> int:
        """The write end, which a forked process keeps."""
        return self._write_end

    def is_cut(self) -> bool:
        """Whether the fork server has ended. For a forked process that has closed the read end."""
        poll = select.poll()
        poll.register(self._write_end, 0)
        return bool(poll.poll(0))

    def drop(self) -> None:
        """Close the write end, in a forked process that needs `is_cut` no more."""
        os.close(self._write_end)


@frozen
class ForkedProcess:
    """What a forked process needs to become the kernel that `start` describes."""

    start: StartCommand
    bootstrap: KernelBootstrap
    lifeline: Lifeline


def fork(
    level: Level,
    groups: cgroups.Groups,
    forked: ForkedProcess,
    directory: int | None,
    become: Callable[[ForkedProcess], object],
) -> int:
    """Fork a process that calls `become`, and returns its pid; raises OSError.

    `directory` is a descriptor of the kernel's directory.
    """
    # A signal before the child has its own handlers would go to the parent's wakeup pipe.
    unmasked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        entrance = groups.make(forked.start)

        def run() -> None:
            cgroups.enter(entrance)
            os.close(entrance)
            inheritance.reset_signals()
            inheritance.close_all_but(forked.bootstrap.fileno(), forked.lifeline.fileno())
            signal.pthread_sigmask(signal.SIG_SETMASK, unmasked)
            become(forked)

        try:
            return level.fork(forked.start, directory, run)
        finally:
            os.close(entrance)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, unmasked)


def signal_descriptor() -> int:
    """A descriptor from which the numbers of SIGCHLD and SIGTERM can be read as they arrive."""
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    handle_signals()
    return read_end


def handle_signals() -> None:
    """Install the fork server's handlers. Again after imports: libraries install their own."""
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    # Ctrl-C in a terminal reaches this process too, but the web process decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
