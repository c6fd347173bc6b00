"""The states of the line to one machine's agent.

::

    idle -> connecting -> greeting -> up
    connecting, greeting, up -> resting     no connection, no sensible greeting, or the line was lost
    resting -> connecting                   after a while, or when the machine has other facts
    up -> leaving                           nobody knows of the machine any more; its kernels live on
    leaving -> up                           somebody does again
    any -> gone                             it is not wanted any more

Every input may come in every state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from attrs import define
from automat import TypeMachine, TypeMachineBuilder


class LineInputs(Protocol):
    """The inputs of the state machine."""

    def wanted(self) -> None:
        """The machine is known, or has other facts than before: connect."""

    def connected(self) -> None:
        """There is a connection, and the agent has shown its certificate."""

    def greeted(self) -> None:
        """The agent has answered the greeting."""

    def lost(self) -> None:
        """The connection is closed, or there was none."""

    def rested(self) -> None:
        """It may be tried again."""

    def unknown(self) -> None:
        """Nobody knows of the machine any more."""

    def stopped(self) -> None:
        """The server stops."""


class LineEffects(Protocol):
    """The effects of the state machine."""

    def connect(self) -> None:
        """Connect; `connected` or `lost` follows."""

    def greet(self) -> None:
        """Send the greeting; `greeted` or `lost` follows."""

    def come_up(self) -> None:
        """From now on it starts kernels."""

    def go_down(self) -> None:
        """All its kernels are lost."""

    def rest(self) -> None:
        """Let `rested` follow after a while."""

    def stop_resting(self) -> None:
        """`rested` is not to follow any more."""

    def close(self) -> None:
        """Close the connection, if there is one; `lost` may follow."""

    def dissolve(self) -> None:
        """It will not be used again."""


@define
class LineCore:
    """The state machine's core: the data that all states share."""

    effects: LineEffects


def _build() -> TypeMachine[LineInputs, LineCore]:
    """The table: every input in every state."""
    machine = TypeMachineBuilder(LineInputs, LineCore)
    idle = machine.state("idle")
    connecting = machine.state("connecting")
    greeting = machine.state("greeting")
    up = machine.state("up")
    leaving = machine.state("leaving")
    resting = machine.state("resting")
    gone = machine.state("gone")

    @idle.upon(LineInputs.wanted).to(connecting)
    @resting.upon(LineInputs.rested).to(connecting)
    def connect(line: LineInputs, core: LineCore) -> None:
        core.effects.connect()

    @resting.upon(LineInputs.wanted).to(connecting)
    def connect_at_once(line: LineInputs, core: LineCore) -> None:
        core.effects.stop_resting()
        core.effects.connect()

    @connecting.upon(LineInputs.connected).to(greeting)
    def greet(line: LineInputs, core: LineCore) -> None:
        core.effects.greet()

    @greeting.upon(LineInputs.greeted).to(up)
    def come_up(line: LineInputs, core: LineCore) -> None:
        core.effects.come_up()

    @connecting.upon(LineInputs.lost).to(resting)
    @greeting.upon(LineInputs.lost).to(resting)
    def rest(line: LineInputs, core: LineCore) -> None:
        core.effects.rest()

    @up.upon(LineInputs.lost).to(resting)
    def lose(line: LineInputs, core: LineCore) -> None:
        core.effects.go_down()
        core.effects.rest()

    @up.upon(LineInputs.unknown).to(leaving)
    @leaving.upon(LineInputs.wanted).to(up)
    def keep(line: LineInputs, core: LineCore) -> None:
        """The line and its kernels live on."""

    @leaving.upon(LineInputs.lost).to(gone)
    def lose_for_ever(line: LineInputs, core: LineCore) -> None:
        core.effects.go_down()
        core.effects.dissolve()

    @up.upon(LineInputs.stopped).to(gone)
    @leaving.upon(LineInputs.stopped).to(gone)
    def go_down(line: LineInputs, core: LineCore) -> None:
        core.effects.close()
        core.effects.go_down()
        core.effects.dissolve()

    @resting.upon(LineInputs.unknown).to(gone)
    @resting.upon(LineInputs.stopped).to(gone)
    def dissolve(line: LineInputs, core: LineCore) -> None:
        core.effects.stop_resting()
        core.effects.dissolve()

    for state in (idle, connecting, greeting):
        for each in (LineInputs.unknown, LineInputs.stopped):

            @state.upon(each).to(gone)
            def abandon(line: LineInputs, core: LineCore) -> None:
                core.effects.close()
                core.effects.dissolve()

    every: list[Callable[..., None]] = [
        LineInputs.wanted,
        LineInputs.connected,
        LineInputs.greeted,
        LineInputs.lost,
        LineInputs.rested,
        LineInputs.unknown,
        LineInputs.stopped,
    ]
    handled: dict[Any, set[Callable[..., None]]] = {
        idle: {LineInputs.wanted, LineInputs.unknown, LineInputs.stopped},
        connecting: {
            LineInputs.connected,
            LineInputs.lost,
            LineInputs.unknown,
            LineInputs.stopped,
        },
        greeting: {LineInputs.greeted, LineInputs.lost, LineInputs.unknown, LineInputs.stopped},
        up: {LineInputs.lost, LineInputs.unknown, LineInputs.stopped},
        leaving: {LineInputs.wanted, LineInputs.lost, LineInputs.stopped},
        resting: {
            LineInputs.wanted,
            LineInputs.rested,
            LineInputs.unknown,
            LineInputs.stopped,
        },
        gone: set(),
    }
    for state, inputs in handled.items():
        for each in every:
            if each not in inputs:
                state.upon(each).loop()(_nothing)
    return machine.build()


def _nothing(line: LineInputs, core: LineCore) -> None:
    """Ignore the input."""


new_line_state = _build()
