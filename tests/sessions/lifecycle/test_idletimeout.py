"""How long a kernel stays idle: before and after it was used, and when the program says so."""

from __future__ import annotations

import math

import pytest

from sagecell_tx.limits import LifetimeLimits
from sagecell_tx.sessions.lifecycle.idletimeout import IdleTimeout

LIMITS = LifetimeLimits(unclaimed_seconds=60, idle_seconds=900)


@pytest.mark.parametrize(("seconds", "unused"), [(0, 60), (59, 60), (61, 61)])
def test_a_kernel_that_was_not_used_is_given_time_to_be(seconds: float, unused: float):
    timeout = IdleTimeout(seconds=seconds, limits=LIMITS)
    assert timeout.deadline() == unused
    timeout.take_effect()
    assert timeout.deadline() == seconds


def test_with_a_timeout_of_0_the_session_ends_with_the_work_that_was_run():
    timeout = IdleTimeout(seconds=0, limits=LIMITS)
    ends = [timeout.ends_with_work]
    timeout.take_effect()
    ends.append(timeout.ends_with_work)
    timeout.change(1)
    ends.append(timeout.ends_with_work)
    assert ends == [False, True, False]


@pytest.mark.parametrize(("asked", "heeded"), [(0, 0), (100, 100), (901, 900), (math.inf, 900)])
def test_what_the_program_asks_for_is_cut_to_the_limit(asked: float, heeded: float):
    timeout = IdleTimeout(seconds=1, limits=LIMITS)
    timeout.take_effect()
    timeout.change(asked)
    assert timeout.deadline() == timeout.seconds == heeded
