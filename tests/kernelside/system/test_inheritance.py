"""What a forked process drops, in processes that are forked for it."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable

import pytest

from sagecell_tx.kernelside.system import inheritance

pytestmark = pytest.mark.integration


def succeeds_in_a_fork(check: Callable[[], None]) -> bool:
    """Whether `check` raises nothing in a forked process."""
    pid = os.fork()
    if pid == 0:
        try:
            check()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_all_descriptors_are_closed_but_the_streams_and_those_that_are_named():
    def check() -> None:
        descriptors = [os.open(os.devnull, os.O_RDONLY) for _ in range(5)]
        kept = [descriptors[3], descriptors[1]]
        inheritance.close_all_but(*kept)
        assert list(filter(is_open, range(1024))) == [0, 1, 2, *sorted(kept)]

    assert succeeds_in_a_fork(check)


def test_signals_are_no_longer_the_parents():
    def check() -> None:
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        inheritance.reset_signals()
        assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        signal.raise_signal(signal.SIGCHLD)
        with pytest.raises(BlockingIOError):
            os.read(read_end, 1)

    assert succeeds_in_a_fork(check)
