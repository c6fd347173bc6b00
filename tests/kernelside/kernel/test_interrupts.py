"""Real SIGINTs, at moments that the test chooses."""

from __future__ import annotations

import signal
from contextlib import suppress

import pytest

from sagecell_tx.kernelside.kernel.interrupts import Interrupts, PythonSigint


@pytest.fixture
def interrupts():
    before = signal.getsignal(signal.SIGINT)
    yield Interrupts(PythonSigint())
    signal.signal(signal.SIGINT, before)


def interrupt() -> str:
    signal.raise_signal(signal.SIGINT)
    return "ran on"


def test_code_is_broken(interrupts):
    interrupts.hold()
    assert interrupts.run(interrupt, lambda: "interrupted") == "interrupted"


def test_code_that_is_left_alone_runs(interrupts):
    interrupts.hold()
    assert interrupts.run(lambda: "ran", lambda: "interrupted") == "ran"


def test_one_that_comes_early_waits_for_the_code(interrupts):
    interrupts.hold()
    assert interrupt() == "ran on"
    assert interrupts.run(lambda: "ran", lambda: "interrupted") == "interrupted"
    # The interrupt was used up.
    assert interrupts.run(lambda: "ran", lambda: "interrupted") == "ran"


def test_one_that_comes_late_breaks_nothing(interrupts):
    interrupts.hold()
    interrupts.run(lambda: "ran", lambda: "interrupted")
    assert interrupt() == "ran on"


def test_a_second_one_may_be_dropped(interrupts):
    interrupts.hold()

    def interrupted_again() -> str:
        assert interrupts.drop_during(interrupt) == "ran on"
        return "shown"

    assert interrupts.run(interrupt, interrupted_again) == "shown"
    assert interrupts.run(lambda: "ran", lambda: "interrupted") == "ran"
    assert interrupts.run(lambda: interrupts.drop_during(lambda: 1), lambda: 2) == 1
    assert interrupts.run(interrupt, lambda: "interrupted") == "interrupted"


def test_one_between_requests_is_forgotten(interrupts):
    interrupts.hold()
    interrupt()
    interrupts.ignore()
    assert interrupt() == "ran on"
    interrupts.hold()
    assert interrupts.run(lambda: "ran", lambda: "interrupted") == "ran"


def test_what_the_code_raises_passes(interrupts):
    interrupts.hold()
    with pytest.raises(ZeroDivisionError):
        interrupts.run(lambda: 1 // 0, lambda: 0)
    assert interrupt() == "ran on"


def test_one_during_a_fork_is_noticed_after_it(interrupts):
    finished = []

    def fork():
        # As Python ignores what the functions raise that libraries have registered for forks.
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        finished.append("fork")
        return 1

    assert interrupts.run(interrupts.holding(fork), lambda: "interrupted") == "interrupted"
    assert finished == ["fork"]


def test_one_during_a_fork_that_fails_is_noticed(interrupts):
    def fork():
        signal.raise_signal(signal.SIGINT)
        raise BlockingIOError

    assert interrupts.run(interrupts.holding(fork), lambda: "interrupted") == "interrupted"


def test_a_fork_returns_what_it_does(interrupts):
    assert interrupts.run(interrupts.holding(lambda: (7, 3)), lambda: "interrupted") == (7, 3)


FORKING = """
import os, signal
def stop():
    if not stopped:
        stopped.append(True)
        signal.raise_signal(signal.SIGINT)
stopped = []
os.register_at_fork(before=stop)
if {fork} == 0:
    os._exit(0)
print("ran on")
"""


@pytest.mark.integration
@pytest.mark.parametrize("fork", ["os.fork()", "os.forkpty()[0]"])
def test_a_program_is_interrupted_while_it_forks(cell, fork):
    result = cell.run(FORKING.format(fork=fork))
    assert result.reply["ename"] == "KeyboardInterrupt"
    assert result.text("stderr") == result.text() == ""
    assert cell.value("1+1") == "2"
