"""A kernel's states: every input in every state, and its effects."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import define, field
from automat import TypeMachine

from sagecell_tx.hosts.kernels.states import KernelCore, KernelInputs, new_kernel_state
from sagecell_tx.sessions.interfaces import Exit

KILLED = Exit(signal=9)

#: Each input, with the arguments to try.
INPUTS: dict[str, tuple[object, ...]] = {
    "bound": (),
    "heard": (),
    "start_cancelled": (),
    "failed": ("protocol",),
    "ended": (KILLED,),
}

#: Each state, with the inputs that lead to it.
STATES: dict[str, list[str]] = {
    "starting": [],
    "connecting": ["bound"],
    "up": ["bound", "heard"],
    "given_up": ["start_cancelled"],
    "failing": ["failed"],
    "condemned": ["bound", "heard", "failed"],
    "gone": ["bound", "heard", "ended"],
}


@define
class RecordedEffects:
    """Records the effects, and may give an input while it is called."""

    done: list[str] = field(factory=list)
    exits: list[Exit] = field(factory=list)
    answers: dict[str, Callable[[], None]] = field(factory=dict)

    def _do(self, name: str) -> None:
        self.done.append(name)
        self.answers.get(name, lambda: None)()

    def connect(self) -> None:
        self._do("connect")

    def come_up(self) -> None:
        self._do("come_up")

    def give_up(self) -> None:
        self._do("give_up")

    def kill(self) -> None:
        self._do("kill")

    def fail_start(self, how: Exit) -> None:
        self._do("fail_start")

    def clear_up(self, how: Exit) -> None:
        self.exits.append(how)
        self._do("clear_up")


class World:
    """A kernel in one of its states. `done` are the effects since then."""

    def __init__(self, state: str = "starting") -> None:
        self.effects = RecordedEffects()
        self.kernel: KernelInputs = new_kernel_state(KernelCore(self.effects))
        for name in STATES[state]:
            self.say(name)
        self.effects.done.clear()
        self.effects.exits.clear()

    @property
    def done(self) -> list[str]:
        return self.effects.done

    def say(self, name: str) -> object:
        return getattr(self.kernel, name)(*INPUTS[name])


def test_the_inputs_and_states_here_are_all_there_are():
    assert set(INPUTS) == {name for name in vars(KernelInputs) if not name.startswith("_")}
    machine: TypeMachine[KernelInputs, KernelCore] = new_kernel_state
    assert set(STATES) == {each.name for each in machine.__automat_automaton__.states()}


#: The effects of each input in each state; none where it is missing.
DONE = {
    ("starting", "bound"): ["connect"],
    ("starting", "start_cancelled"): ["give_up"],
    ("starting", "failed"): ["kill"],
    ("starting", "ended"): ["fail_start", "clear_up"],
    ("connecting", "heard"): ["come_up"],
    ("connecting", "start_cancelled"): ["give_up"],
    ("connecting", "failed"): ["kill"],
    ("connecting", "ended"): ["fail_start", "clear_up"],
    ("up", "failed"): ["kill"],
    ("up", "ended"): ["clear_up"],
    ("given_up", "ended"): ["clear_up"],
    ("failing", "ended"): ["fail_start", "clear_up"],
    ("condemned", "ended"): ["clear_up"],
}


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("state", STATES)
def test_every_input_in_every_state(state: str, name: str):
    world = World(state)
    world.say(name)
    assert world.done == DONE.get((state, name), [])


@pytest.mark.parametrize("state", STATES)
def test_an_end_is_told_once_whatever_comes_afterwards(state: str):
    world = World(state)
    world.say("ended")
    assert world.done.count("clear_up") == (state != "gone")
    world.done.clear()
    for name in INPUTS:
        world.say(name)
    assert world.done == []


@pytest.mark.parametrize("state", ["failing", "condemned"])
def test_why_it_was_killed_is_told_of_its_end(state: str):
    world = World(state)
    world.kernel.ended(KILLED)
    assert world.effects.exits == [Exit(signal=9, reason="protocol")]


@pytest.mark.parametrize("before", [[], ["bound"], ["bound", "heard"]])
def test_without_a_reason_the_end_is_told_as_it_was(before: list[str]):
    world = World()
    for name in before:
        world.say(name)
    world.kernel.failed(None)
    how = Exit(signal=9, reason="memory")
    world.kernel.ended(how)
    assert world.effects.exits == [how]


def test_the_first_reason_counts():
    world = World("up")
    world.kernel.failed(None)
    world.kernel.failed("protocol")
    world.kernel.ended(KILLED)
    assert world.effects.exits == [KILLED]


def test_a_start_that_was_cancelled_while_it_failed_is_not_told_to_have_failed():
    world = World("failing")
    world.say("start_cancelled")
    world.say("ended")
    assert world.done == ["clear_up"]


def test_inputs_may_come_from_inside_an_effect():
    world = World()
    world.effects.answers = {
        "connect": world.kernel.heard,
        "come_up": lambda: world.kernel.failed("protocol"),
        "kill": lambda: world.kernel.ended(KILLED),
    }
    world.say("bound")
    assert world.done == ["connect", "come_up", "kill", "clear_up"]
    assert world.effects.exits == [Exit(signal=9, reason="protocol")]


def test_a_start_may_end_while_it_is_given_up():
    world = World()
    world.effects.answers = {"give_up": lambda: world.kernel.ended(Exit())}
    world.say("start_cancelled")
    assert world.done == ["give_up", "clear_up"]
