"""One kernel's life, as a machine whose states own their timers.

docs/lifecycle.rst has the diagram. Every input returns nothing, may come in every state,
and may come from inside another one's reaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, field
from automat import TypeMachine, TypeMachineBuilder
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sagecell_tx.config import Limits
from sagecell_tx.sessions.interfaces import Exit
from sagecell_tx.sessions.reasons import Reason, reason_for


class Life(Protocol):
    """What can happen to a kernel."""

    def begin(self) -> None:
        """The host was asked for a kernel."""

    def started(self) -> None:
        """The kernel is up and what it publishes is heard."""

    def listener_came(self) -> None:
        """Somebody listens, after nobody did."""

    def listeners_left(self) -> None:
        """Nobody listens any more."""

    def work_began(self) -> None:
        """A request is in flight, after none was."""

    def work_finished(self) -> None:
        """No request is in flight any more."""

    def stop(self, reason: Reason) -> None:
        """The kernel has to go."""

    def grace_over(self) -> None:
        """The kernel had its time to go by itself."""

    def ended(self, how: Exit) -> None:
        """The kernel's process tree is gone."""


class Hands(Protocol):
    """What a life does to the world outside."""

    def ask_to_stop(self) -> None:
        """Tell the kernel to end itself; a start under way is given up."""

    def kill(self) -> None:
        """Kill the kernel's process tree."""

    def died(self, reason: Reason) -> None:
        """Everything is over."""


@define(kw_only=True)
class Core:
    """What all states share. `idle` gives the idle deadline, in seconds, when it is needed."""

    clock: IReactorTime
    limits: Limits
    hands: Hands
    idle: Callable[[], float]
    _lifetime: IDelayedCall | None = field(default=None, init=False)

    def grow_old(self, life: Life) -> None:
        """From now on the kernel's age counts, whatever state it is in."""
        self._lifetime = self.clock.callLater(self.limits.lifetime, life.stop, Reason.LIFETIME)

    def forget_age(self) -> None:
        """The kernel goes; its age no longer matters."""
        _cancel(self._lifetime)


@define
class Going:
    """The first reason to go that was given, and the patience that is left."""

    reason: Reason
    patience: IDelayedCall


def _cancel(timer: IDelayedCall | None) -> None:
    if timer is not None and timer.active():
        timer.cancel()


def _starting(life: Life, core: Core) -> IDelayedCall:
    core.grow_old(life)
    return core.clock.callLater(core.limits.start, life.stop, Reason.CRASHED)


def _unclaimed(life: Life, core: Core) -> IDelayedCall:
    return core.clock.callLater(core.limits.unclaimed, life.stop, Reason.DETACHED)


def _idle(life: Life, core: Core) -> IDelayedCall:
    return core.clock.callLater(core.idle(), life.stop, Reason.IDLE)


def _detached(life: Life, core: Core) -> IDelayedCall:
    return core.clock.callLater(core.limits.detached, life.stop, Reason.DETACHED)


def _stopping(life: Life, core: Core, reason: Reason) -> Going:
    return Going(reason, core.clock.callLater(core.limits.stop_grace, life.grace_over))


def _build() -> TypeMachine[Life, Core]:
    """The table: every input in every state."""
    machine = TypeMachineBuilder(Life, Core)
    new = machine.state("new")
    starting = machine.state("starting", _starting)
    unclaimed = machine.state("unclaimed", _unclaimed)
    idle = machine.state("idle", _idle)
    busy = machine.state("busy")
    detached = machine.state("detached", _detached)
    stopping = machine.state("stopping", _stopping)
    dead = machine.state("dead")

    # The way it should go.
    new.upon(Life.begin).to(starting).returns(None)
    busy.upon(Life.work_finished).to(idle).returns(None)
    busy.upon(Life.listeners_left).to(detached).returns(None)

    @starting.upon(Life.started).to(unclaimed)
    @unclaimed.upon(Life.listener_came).to(idle)
    @idle.upon(Life.work_began).to(busy)
    @idle.upon(Life.listeners_left).to(detached)
    @detached.upon(Life.listener_came).to(idle)
    def go_on(life: Life, core: Core, timer: IDelayedCall) -> None:
        _cancel(timer)

    # The way out: told to go.
    @new.upon(Life.stop).to(stopping)
    @busy.upon(Life.stop).to(stopping)
    def told_to_go(life: Life, core: Core, reason: Reason) -> None:
        core.forget_age()
        core.hands.ask_to_stop()

    @starting.upon(Life.stop).to(stopping)
    @unclaimed.upon(Life.stop).to(stopping)
    @idle.upon(Life.stop).to(stopping)
    @detached.upon(Life.stop).to(stopping)
    def told_to_go_while_waiting(
        life: Life, core: Core, timer: IDelayedCall, reason: Reason
    ) -> None:
        _cancel(timer)
        told_to_go(life, core, reason)

    @stopping.upon(Life.grace_over).loop()
    def out_of_patience(life: Life, core: Core, going: Going) -> None:
        core.hands.kill()

    @stopping.upon(Life.ended).to(dead)
    def ended_as_told(life: Life, core: Core, going: Going, how: Exit) -> None:
        _cancel(going.patience)
        core.hands.died(going.reason)

    # The way out: gone unasked.
    @busy.upon(Life.ended).to(dead)
    def ended_unasked(life: Life, core: Core, how: Exit) -> None:
        core.forget_age()
        core.hands.died(reason_for(how))

    @unclaimed.upon(Life.ended).to(dead)
    @idle.upon(Life.ended).to(dead)
    @detached.upon(Life.ended).to(dead)
    def ended_while_waiting(life: Life, core: Core, timer: IDelayedCall, how: Exit) -> None:
        _cancel(timer)
        ended_unasked(life, core, how)

    @new.upon(Life.ended).to(dead)
    def ended_before_it_was_up(life: Life, core: Core, how: Exit) -> None:
        core.forget_age()
        core.hands.died(Reason.CRASHED)

    @starting.upon(Life.ended).to(dead)
    def ended_while_starting(life: Life, core: Core, timer: IDelayedCall, how: Exit) -> None:
        _cancel(timer)
        ended_before_it_was_up(life, core, how)

    # What changes nothing where it comes.
    unmoved: dict[Any, list[Callable[..., None]]] = {
        new: [Life.started, Life.listener_came, Life.listeners_left, *_WORK, Life.grace_over],
        starting: [Life.begin, Life.listener_came, Life.listeners_left, *_WORK, Life.grace_over],
        unclaimed: [Life.begin, Life.started, Life.listeners_left, *_WORK, Life.grace_over],
        idle: [Life.begin, Life.started, Life.listener_came, Life.work_finished, Life.grace_over],
        busy: [Life.begin, Life.started, Life.listener_came, Life.work_began, Life.grace_over],
        detached: [Life.begin, Life.started, Life.listeners_left, *_WORK, Life.grace_over],
        stopping: [Life.begin, Life.started, *_LISTENING, *_WORK, Life.stop],
        dead: [
            Life.begin,
            Life.started,
            *_LISTENING,
            *_WORK,
            Life.stop,
            Life.grace_over,
            Life.ended,
        ],
    }
    for state, inputs in unmoved.items():
        for said in inputs:
            state.upon(said).loop()(_nothing)
    return machine.build()


_WORK = [Life.work_began, Life.work_finished]
_LISTENING = [Life.listener_came, Life.listeners_left]


def _nothing(life: Life, core: Core, *told: object) -> None:
    """Nothing changes."""


new_life = _build()
