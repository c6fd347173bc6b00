"""One kernel's life: every input in every state, in any order, from anywhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from automat import TypeMachine

from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.interfaces import Exit
from sagecell_tx.sessions.lifecycle.machine import Core, Life, new_life

from .living import (
    ALIVE,
    CLEAN,
    IDLE,
    INPUTS,
    LIMITS,
    SEGFAULT,
    STATES,
    WAITING,
    Living,
    busy,
    dead,
    detached,
    idle,
    lived,
    new,
    restarting,
    say,
    starting,
    stopping,
    unclaimed,
)


def test_the_inputs_here_are_all_there_are():
    assert set(INPUTS) == {name for name in vars(Life) if not name.startswith("_")}


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("state", STATES)
def test_every_input_may_come_in_every_state(state: Callable[[Living], None], name: str):
    say(lived(state), name)


def test_every_state_is_tried_here():
    machine: TypeMachine[Life, Core] = new_life
    states = {each.name for each in machine.__automat_automaton__.states()}
    assert states == {state.__name__ for state in STATES}


# --- deadlines


@pytest.mark.parametrize(
    ("state", "seconds", "reason"),
    [
        (starting, LIMITS.start_seconds, Reason.CRASHED),
        (unclaimed, LIMITS.unclaimed_seconds, Reason.DETACHED),
        (idle, IDLE, Reason.IDLE),
        (busy, LIMITS.total_seconds, Reason.LIFETIME),
        (detached, LIMITS.detached_seconds, Reason.DETACHED),
    ],
)
def test_each_deadline_ends_the_life_with_its_reason(
    state: Callable[[Living], None], seconds: float, reason: Reason
):
    living = lived(state)
    living.clock.advance(seconds - 0.1)
    assert living.effects.done == []
    living.clock.advance(0.1)
    assert living.effects.done == ["asked"]
    living.life.ended(CLEAN)
    assert living.effects.reasons == [reason]
    assert living.clock.getDelayedCalls() == []


def test_a_new_life_has_no_deadline():
    assert lived(new).clock.getDelayedCalls() == []


def test_listeners_that_come_and_go_do_not_make_a_life_longer():
    living = lived(idle)
    for _ in range(360):
        living.clock.advance(2.5)
        living.life.listeners_left()
        living.clock.advance(2.5)
        living.life.listener_came()
    assert living.effects.done == ["asked"]
    living.life.ended(CLEAN)
    assert living.effects.reasons == [Reason.LIFETIME]


def test_each_wait_begins_anew():
    living = lived(idle)
    for _ in range(5):
        living.clock.advance(IDLE - 1)
        living.life.work_began()
        living.clock.advance(1)
        living.life.work_finished()
    assert living.effects.done == []
    living.clock.advance(IDLE)
    assert living.effects.done == ["asked"]


def test_work_that_ends_while_nobody_listens_leaves_the_life_detached():
    living = lived(busy)
    living.life.listeners_left()
    living.life.work_finished()
    living.clock.advance(LIMITS.detached_seconds)
    living.life.ended(CLEAN)
    assert living.effects.reasons == [Reason.DETACHED]


# --- the end


@pytest.mark.parametrize("state", ALIVE)
def test_stop_asks_and_then_kills(state: Callable[[Living], None]):
    living = lived(state)
    living.life.stop(Reason.STOPPED)
    assert living.effects.done == ["asked"]
    living.clock.advance(LIMITS.stop_grace_seconds)
    assert living.effects.done == ["asked", "killed"]
    living.life.ended(SEGFAULT)
    assert living.effects.done == ["asked", "killed", "died"]
    assert living.effects.reasons == [Reason.STOPPED]
    assert living.clock.getDelayedCalls() == []


def test_who_goes_in_time_is_not_killed():
    living = lived(stopping)
    living.life.ended(CLEAN)
    living.clock.advance(LIMITS.stop_grace_seconds)
    assert living.effects.done == ["asked", "died"]


@pytest.mark.parametrize("state", ALIVE)
def test_the_first_reason_counts(state: Callable[[Living], None]):
    living = lived(state)
    living.life.stop(Reason.DRAINING)
    living.life.stop(Reason.MEMORY)
    living.life.ended(Exit(signal=24))
    living.life.stop(Reason.IDLE)
    assert living.effects.reasons == [Reason.DRAINING]


@pytest.mark.parametrize("state", [unclaimed, idle, busy, detached])
@pytest.mark.parametrize(
    ("how", "reason"),
    [(CLEAN, Reason.FINISHED), (SEGFAULT, Reason.CRASHED), (Exit(signal=24), Reason.CPU)],
)
def test_gone_unasked(state: Callable[[Living], None], how: Exit, reason: Reason):
    living = lived(state)
    living.life.ended(how)
    assert living.effects.done == ["died"]
    assert living.effects.reasons == [reason]
    assert living.clock.getDelayedCalls() == []


@pytest.mark.parametrize("state", [new, starting])
def test_a_kernel_that_ends_before_it_was_up_has_finished_nothing(
    state: Callable[[Living], None],
):
    living = lived(state)
    living.life.ended(CLEAN)
    assert living.effects.reasons == [Reason.CRASHED]


def test_death_is_told_once():
    living = lived(dead)
    living.life.ended(CLEAN)
    assert living.effects.done == ["died"]


# --- reactions from inside


@pytest.mark.parametrize("state", WAITING)
def test_a_kernel_may_end_inside_the_request_to(state: Callable[[Living], None]):
    living = lived(state)
    living.effects.on_ask = lambda: living.life.ended(CLEAN)
    living.life.stop(Reason.STOPPED)
    assert living.effects.done == ["asked", "died"]
    assert living.clock.getDelayedCalls() == []


def test_a_kernel_may_end_inside_the_kill():
    living = lived(stopping)
    living.effects.on_kill = lambda: living.life.ended(SEGFAULT)
    living.clock.advance(LIMITS.stop_grace_seconds)
    assert living.effects.done == ["asked", "killed", "died"]
    assert living.clock.getDelayedCalls() == []


# --- restarts


@pytest.mark.parametrize("state", [unclaimed, idle, busy, detached])
def test_a_restart_replaces_the_process_in_the_same_life(state: Callable[[Living], None]):
    living = lived(state)
    living.life.restart()
    assert living.effects.done == ["asked to restart"]
    living.life.ended(SEGFAULT)
    assert living.effects.done == ["asked to restart", "started again"]
    living.life.started()
    living.life.listener_came()
    living.life.work_began()
    living.life.ended(SEGFAULT)
    assert living.effects.reasons == [Reason.CRASHED]
    assert living.clock.getDelayedCalls() == []


def test_a_process_that_does_not_go_is_killed_and_replaced():
    living = lived(restarting)
    living.clock.advance(LIMITS.stop_grace_seconds)
    assert living.effects.done == ["asked to restart", "killed"]
    living.life.ended(SEGFAULT)
    assert living.effects.done[-1] == "started again"


@pytest.mark.parametrize("state", [new, starting, stopping, dead, restarting])
def test_a_kernel_that_comes_or_goes_is_not_restarted(state: Callable[[Living], None]):
    living = lived(state)
    before = list(living.effects.done)
    living.life.restart()
    assert living.effects.done == before


def test_a_kernel_can_be_stopped_while_it_restarts():
    living = lived(restarting)
    living.life.stop(Reason.STOPPED)
    living.clock.advance(LIMITS.stop_grace_seconds)
    living.life.ended(CLEAN)
    assert living.effects.done == ["asked to restart", "asked", "killed", "died"]
    assert living.effects.reasons == [Reason.STOPPED]
    assert living.clock.getDelayedCalls() == []


def test_a_second_process_that_does_not_start_ends_the_life():
    living = lived(restarting)
    living.life.ended(CLEAN)
    living.clock.advance(LIMITS.start_seconds)
    living.life.ended(CLEAN)
    assert living.effects.reasons == [Reason.CRASHED]


def test_restarts_do_not_make_a_life_longer():
    living = lived(idle)
    for _ in range(18):
        living.clock.advance(99)
        living.life.restart()
        living.clock.advance(1)
        living.life.ended(CLEAN)
        living.life.started()
        living.life.listener_came()
    assert living.effects.reasons == [Reason.LIFETIME]


# --- work


def test_work_is_told_when_it_begins_and_ends():
    living = lived(idle)
    for _ in range(2):
        say(living, "work_began")
    assert living.effects.work == ["began"]
    for _ in range(2):
        say(living, "work_finished")
    assert living.effects.work == ["began", "finished"]
