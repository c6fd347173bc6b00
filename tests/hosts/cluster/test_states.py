"""The states of a machine's line: every input in every state, and its effects."""

from __future__ import annotations

import pytest
from attrs import define, field
from automat import TypeMachine

from sagecell_tx.hosts.cluster.states import LineCore, LineInputs, new_line_state

#: Each state, with the inputs that lead to it.
STATES: dict[str, list[str]] = {
    "idle": [],
    "connecting": ["wanted"],
    "greeting": ["wanted", "connected"],
    "up": ["wanted", "connected", "greeted"],
    "leaving": ["wanted", "connected", "greeted", "unknown"],
    "resting": ["wanted", "lost"],
    "gone": ["stopped"],
}

INPUTS = ("wanted", "connected", "greeted", "lost", "rested", "unknown", "stopped")

#: The effects of each input in each state; none where it is missing.
DONE = {
    ("idle", "wanted"): ["connect"],
    ("idle", "unknown"): ["close", "dissolve"],
    ("idle", "stopped"): ["close", "dissolve"],
    ("connecting", "connected"): ["greet"],
    ("connecting", "lost"): ["rest"],
    ("connecting", "unknown"): ["close", "dissolve"],
    ("connecting", "stopped"): ["close", "dissolve"],
    ("greeting", "greeted"): ["come_up"],
    ("greeting", "lost"): ["rest"],
    ("greeting", "unknown"): ["close", "dissolve"],
    ("greeting", "stopped"): ["close", "dissolve"],
    ("up", "lost"): ["go_down", "rest"],
    ("up", "stopped"): ["close", "go_down", "dissolve"],
    ("leaving", "lost"): ["go_down", "dissolve"],
    ("leaving", "stopped"): ["close", "go_down", "dissolve"],
    ("resting", "wanted"): ["stop_resting", "connect"],
    ("resting", "rested"): ["connect"],
    ("resting", "unknown"): ["stop_resting", "dissolve"],
    ("resting", "stopped"): ["stop_resting", "dissolve"],
}


@define
class RecordedEffects:
    """Records the effects."""

    done: list[str] = field(factory=list)

    def connect(self) -> None:
        self.done.append("connect")

    def greet(self) -> None:
        self.done.append("greet")

    def come_up(self) -> None:
        self.done.append("come_up")

    def go_down(self) -> None:
        self.done.append("go_down")

    def rest(self) -> None:
        self.done.append("rest")

    def stop_resting(self) -> None:
        self.done.append("stop_resting")

    def close(self) -> None:
        self.done.append("close")

    def dissolve(self) -> None:
        self.done.append("dissolve")


class World:
    """A line in one of its states. `done` are the effects since then."""

    def __init__(self, state: str) -> None:
        self.effects = RecordedEffects()
        self.line: LineInputs = new_line_state(LineCore(self.effects))
        for name in STATES[state]:
            self.say(name)
        self.effects.done.clear()

    def say(self, name: str) -> None:
        getattr(self.line, name)()


def test_the_inputs_and_states_here_are_all_there_are():
    assert set(INPUTS) == {name for name in vars(LineInputs) if not name.startswith("_")}
    machine: TypeMachine[LineInputs, LineCore] = new_line_state
    assert set(STATES) == {each.name for each in machine.__automat_automaton__.states()}


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("state", STATES)
def test_every_input_in_every_state(state: str, name: str):
    world = World(state)
    world.say(name)
    assert world.effects.done == DONE.get((state, name), [])


def test_a_machine_that_is_known_again_is_not_given_up():
    world = World("leaving")
    world.say("wanted")
    world.say("lost")
    assert world.effects.done == ["go_down", "rest"]
