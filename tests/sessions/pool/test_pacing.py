"""How long the pool waits before it starts another kernel for its stock."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from sagecell_tx.sessions.pool.pacing import FIRST_RETRY, LONGEST_RETRY, PAUSE, Pacing


def world() -> tuple[Clock, Pacing]:
    clock = Clock()
    return clock, Pacing(clock=clock)


def test_the_first_start_is_due_at_once():
    _, pacing = world()
    assert pacing.due_in == 0


def test_a_pause_follows_each_start_and_each_hand_out():
    clock, pacing = world()
    for happened in (pacing.stocked, pacing.handed_out):
        happened()
        assert pacing.due_in == pytest.approx(PAUSE)
        clock.advance(2 * PAUSE)
        assert pacing.due_in == 0


def test_the_rest_doubles_with_each_loss_up_to_the_longest():
    clock, pacing = world()
    rests = []
    for _ in range(10):
        pacing.lost()
        rests.append(pacing.due_in)
        clock.advance(pacing.due_in)
    assert rests == sorted(rests)
    assert rests[:3] == [FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY]
    assert rests[-1] == LONGEST_RETRY


def test_those_lost_together_count_as_one_and_are_logged_once():
    clock, pacing = world()
    with capturedLogs() as logged:
        for _ in range(3):
            pacing.lost()
    assert pacing.due_in == FIRST_RETRY
    assert [event["wait"] for event in logged] == [FIRST_RETRY]
    clock.advance(FIRST_RETRY)
    pacing.lost()
    assert pacing.due_in == 2 * FIRST_RETRY


def test_a_kernel_that_comes_up_does_not_shorten_the_rest_after_a_loss():
    _, pacing = world()
    pacing.lost()
    pacing.stocked()
    assert pacing.due_in == FIRST_RETRY


def test_what_works_for_a_visitor_ends_the_doubling():
    clock, pacing = world()
    for _ in range(4):
        pacing.lost()
        clock.advance(pacing.due_in)
    pacing.lost()
    pacing.handed_out()
    assert pacing.due_in == pytest.approx(PAUSE)
    clock.advance(2 * PAUSE)
    pacing.lost()
    assert pacing.due_in == pytest.approx(FIRST_RETRY)
