"""One kernel's life: every input in every state, in any order, from anywhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import define, field
from automat import TypeMachine
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.task import Clock

from sagecell_tx.config import Limits
from sagecell_tx.sessions.interfaces import Exit
from sagecell_tx.sessions.lifecycle import Core, Life, new_life
from sagecell_tx.sessions.reasons import Reason

LIMITS = Limits(
    start=15, unclaimed=60, idle=900, detached=10, lifetime=1800, stop_grace=1, heartbeat=5
)
IDLE = 100.0
CLEAN = Exit(status=0)
SEGFAULT = Exit(signal=11)


@define
class Hands:
    """Writes down what a life does, and may answer back from inside it."""

    done: list[str] = field(factory=list)
    reasons: list[Reason] = field(factory=list)
    on_ask: Callable[[], None] = field(default=lambda: None)
    on_kill: Callable[[], None] = field(default=lambda: None)

    def ask_to_stop(self) -> None:
        self.done.append("asked")
        self.on_ask()

    def kill(self) -> None:
        self.done.append("killed")
        self.on_kill()

    def died(self, reason: Reason) -> None:
        self.done.append("died")
        self.reasons.append(reason)


class Living:
    """A life with its hands and its clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.hands = Hands()
        self.life = new_life(
            Core(clock=self.clock, limits=LIMITS, hands=self.hands, idle=lambda: IDLE)
        )


def starting(living: Living) -> None:
    living.life.begin()


def unclaimed(living: Living) -> None:
    starting(living)
    living.life.started()


def idle(living: Living) -> None:
    unclaimed(living)
    living.life.listener_came()


def busy(living: Living) -> None:
    idle(living)
    living.life.work_began()


def detached(living: Living) -> None:
    idle(living)
    living.life.listeners_left()


def stopping(living: Living) -> None:
    busy(living)
    living.life.stop(Reason.STOPPED)


def dead(living: Living) -> None:
    busy(living)
    living.life.ended(SEGFAULT)


def new(living: Living) -> None:
    """Nothing has happened yet."""


STATES = [new, starting, unclaimed, idle, busy, detached, stopping, dead]
ALIVE = [new, starting, unclaimed, idle, busy, detached]
WAITING = [starting, unclaimed, idle, busy, detached]

INPUTS: dict[str, Callable[[Life], None]] = {
    "begin": Life.begin,
    "started": Life.started,
    "listener_came": Life.listener_came,
    "listeners_left": Life.listeners_left,
    "work_began": Life.work_began,
    "work_finished": Life.work_finished,
    "stop": lambda life: life.stop(Reason.MEMORY),
    "grace_over": Life.grace_over,
    "ended": lambda life: life.ended(CLEAN),
}


def lived(state: Callable[[Living], None]) -> Living:
    living = Living()
    state(living)
    return living


def say(living: Living, name: str) -> None:
    if name == "stop":
        living.life.stop(Reason.MEMORY)
    elif name == "ended":
        living.life.ended(CLEAN)
    else:
        getattr(living.life, name)()


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
        (starting, LIMITS.start, Reason.CRASHED),
        (unclaimed, LIMITS.unclaimed, Reason.DETACHED),
        (idle, IDLE, Reason.IDLE),
        (busy, LIMITS.lifetime, Reason.LIFETIME),
        (detached, LIMITS.detached, Reason.DETACHED),
    ],
)
def test_each_deadline_ends_the_life_with_its_reason(
    state: Callable[[Living], None], seconds: float, reason: Reason
):
    living = lived(state)
    living.clock.advance(seconds - 0.1)
    assert living.hands.done == []
    living.clock.advance(0.1)
    assert living.hands.done == ["asked"]
    living.life.ended(CLEAN)
    assert living.hands.reasons == [reason]
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
    assert living.hands.done == ["asked"]
    living.life.ended(CLEAN)
    assert living.hands.reasons == [Reason.LIFETIME]


def test_each_wait_begins_anew():
    living = lived(idle)
    for _ in range(5):
        living.clock.advance(IDLE - 1)
        living.life.work_began()
        living.clock.advance(1)
        living.life.work_finished()
    assert living.hands.done == []
    living.clock.advance(IDLE)
    assert living.hands.done == ["asked"]


def test_work_that_ends_while_nobody_listens_leaves_the_life_detached():
    living = lived(busy)
    living.life.listeners_left()
    living.life.work_finished()
    living.clock.advance(LIMITS.detached)
    living.life.ended(CLEAN)
    assert living.hands.reasons == [Reason.DETACHED]


# --- the end


@pytest.mark.parametrize("state", ALIVE)
def test_stop_asks_and_then_kills(state: Callable[[Living], None]):
    living = lived(state)
    living.life.stop(Reason.STOPPED)
    assert living.hands.done == ["asked"]
    living.clock.advance(LIMITS.stop_grace)
    assert living.hands.done == ["asked", "killed"]
    living.life.ended(SEGFAULT)
    assert living.hands.done == ["asked", "killed", "died"]
    assert living.hands.reasons == [Reason.STOPPED]
    assert living.clock.getDelayedCalls() == []


def test_who_goes_in_time_is_not_killed():
    living = lived(stopping)
    living.life.ended(CLEAN)
    living.clock.advance(LIMITS.stop_grace)
    assert living.hands.done == ["asked", "died"]


@pytest.mark.parametrize("state", ALIVE)
def test_the_first_reason_counts(state: Callable[[Living], None]):
    living = lived(state)
    living.life.stop(Reason.DRAINING)
    living.life.stop(Reason.MEMORY)
    living.life.ended(Exit(signal=24))
    living.life.stop(Reason.IDLE)
    assert living.hands.reasons == [Reason.DRAINING]


@pytest.mark.parametrize("state", [unclaimed, idle, busy, detached])
@pytest.mark.parametrize(
    ("how", "reason"),
    [(CLEAN, Reason.FINISHED), (SEGFAULT, Reason.CRASHED), (Exit(signal=24), Reason.CPU)],
)
def test_gone_unasked(state: Callable[[Living], None], how: Exit, reason: Reason):
    living = lived(state)
    living.life.ended(how)
    assert living.hands.done == ["died"]
    assert living.hands.reasons == [reason]
    assert living.clock.getDelayedCalls() == []


@pytest.mark.parametrize("state", [new, starting])
def test_a_kernel_that_ends_before_it_was_up_has_finished_nothing(
    state: Callable[[Living], None],
):
    living = lived(state)
    living.life.ended(CLEAN)
    assert living.hands.reasons == [Reason.CRASHED]


def test_death_is_told_once():
    living = lived(dead)
    living.life.ended(CLEAN)
    assert living.hands.done == ["died"]


# --- reactions from inside


@pytest.mark.parametrize("state", WAITING)
def test_a_kernel_may_end_inside_the_request_to(state: Callable[[Living], None]):
    living = lived(state)
    living.hands.on_ask = lambda: living.life.ended(CLEAN)
    living.life.stop(Reason.STOPPED)
    assert living.hands.done == ["asked", "died"]
    assert living.clock.getDelayedCalls() == []


def test_a_kernel_may_end_inside_the_kill():
    living = lived(stopping)
    living.hands.on_kill = lambda: living.life.ended(SEGFAULT)
    living.clock.advance(LIMITS.stop_grace)
    assert living.hands.done == ["asked", "killed", "died"]
    assert living.clock.getDelayedCalls() == []


class LifeMachine(RuleBasedStateMachine):
    """Any inputs at any time, some of them from inside the reaction to others."""

    def __init__(self) -> None:
        super().__init__()
        self.living = Living()
        self.told_to_stop: list[Reason] = []
        self.ended = False
        self.living.hands.on_ask = self._react
        self.living.hands.on_kill = self._react
        self.reaction = ""

    def _react(self) -> None:
        reaction, self.reaction = self.reaction, ""
        if reaction:
            self.ended |= reaction == "ended"
            say(self.living, reaction)

    @rule(name=st.sampled_from([name for name in INPUTS if name not in ("stop", "ended")]))
    def input(self, name: str) -> None:
        say(self.living, name)

    @rule(name=st.sampled_from(sorted(INPUTS)))
    def react_next_time(self, name: str) -> None:
        self.reaction = name

    @rule(reason=st.sampled_from(Reason))
    def stop(self, reason: Reason) -> None:
        if not self.living.hands.done:
            self.told_to_stop.append(reason)
        self.living.life.stop(reason)

    @rule(how=st.sampled_from([CLEAN, SEGFAULT, Exit()]))
    def end(self, how: Exit) -> None:
        self.ended = True
        self.living.life.ended(how)

    @rule(seconds=st.sampled_from([0.5, 1, 5, 10, 15, 60, 100, 900, 1800]))
    def wait(self, seconds: float) -> None:
        self.living.clock.advance(seconds)

    @precondition(lambda self: "asked" in self.living.hands.done)
    @rule()
    def wait_for_the_kill(self) -> None:
        self.living.clock.advance(LIMITS.stop_grace)
        assert {"killed", "died"} & set(self.living.hands.done)

    @invariant()
    def dies_at_most_once_and_exactly_when_it_ended(self) -> None:
        assert self.living.hands.done.count("died") == int(self.ended)

    @invariant()
    def is_asked_once_at_most(self) -> None:
        assert self.living.hands.done.count("asked") <= 1

    @invariant()
    def nothing_is_left_on_the_clock_after_death(self) -> None:
        if self.ended:
            assert self.living.clock.getDelayedCalls() == []
            assert self.living.hands.done[-1] == "died"

    @invariant()
    def the_first_reason_given_is_the_reason(self) -> None:
        if self.ended and self.told_to_stop:
            assert self.living.hands.reasons == self.told_to_stop[:1]


LifeMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
test_any_life = LifeMachine.TestCase
