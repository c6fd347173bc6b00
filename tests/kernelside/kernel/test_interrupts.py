"""Real SIGINTs, at moments that the test chooses."""

from __future__ import annotations

import signal

import pytest

from sagecell_tx.kernelside.kernel.interrupts import Interrupts


@pytest.fixture
def interrupts():
    before = signal.getsignal(signal.SIGINT)
    yield Interrupts()
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
