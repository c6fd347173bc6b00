"""One kernel's life, as a state machine whose states own their timers.

docs/lifecycle.rst has the diagram. Every input returns None, is accepted in every state, and
may be called while another one is being handled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, field
from automat import TypeMachine, TypeMachineBuilder
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sagecell_tx.limits import LifetimeLimits
from sagecell_tx.sessions.endreasons import Reason, reason_for
from sagecell_tx.sessions.interfaces import Exit


class Life(Protocol):
    """The inputs: what can happen to a kernel."""

    def begin(self) -> None:
        """The host was asked for a kernel."""

    def started(self) -> None:
        """The kernel is up, and its iopub channel is connected."""

    def listener_came(self) -> None:
        """There is a listener, after there was none."""

    def listeners_left(self) -> None:
        """There is no listener any more."""

    def work_began(self) -> None:
        """A request is in flight, after none was."""

    def work_finished(self) -> None:
        """No request is in flight any more."""

    def restart(self) -> None:
        """The kernel's process is to be replaced by a new one."""

    def stop(self, reason: Reason) -> None:
        """The kernel is to be ended, for `reason`."""

    def grace_over(self) -> None:
        """The time for the kernel to end by itself is over."""

    def ended(self, how: Exit) -> None:
        """The kernel's process tree is gone, or that of its earlier process."""


class Effects(Protocol):
    """The outputs: what a life calls on its session."""

    def work_began(self) -> None:
        """A request of a listener is in flight, after none was."""

    def work_finished(self) -> None:
        """No request is in flight any more."""

    def ask_to_stop(self, reason: Reason) -> None:
        """Ask the kernel to end itself, or cancel its start."""

    def ask_to_restart(self) -> None:
        """Ask the kernel to end itself, as a new process is going to replace it."""

    def start_again(self) -> None:
        """Ask the host for the new process, and call `Life.begin`: the earlier one is gone."""

    def kill(self) -> None:
        """Kill the kernel's process tree."""

    def warn(self, reason: Reason, seconds: float) -> None:
        """The kernel will be ended in `seconds`, for `reason`."""

    def died(self, reason: Reason) -> None:
        """The kernel has ended, for `reason`. Called once."""


@define
class Deadline:
    """The timer that ends a kernel, and the one that warns beforehand, if there is one."""

    end: IDelayedCall
    warning: IDelayedCall | None = None

    def cancel(self) -> None:
        """Cancel both timers."""
        for timer in (self.end, self.warning):
            if timer is not None and timer.active():
                timer.cancel()


@define(kw_only=True)
class Core:
    """What all states share.

    `idle` and `detached` return these deadlines, in seconds, when they are needed.
    """

    clock: IReactorTime
    limits: LifetimeLimits
    effects: Effects
    idle: Callable[[], float]
    detached: Callable[[], float]
    _lifetime: Deadline | None = field(default=None, init=False)

    def start_lifetime(self, life: Life) -> None:
        """Start the deadline for the kernel's lifetime, which holds in every state.

        It goes on when the kernel is restarted: a place is nobody's for ever.
        """
        if self._lifetime is None:
            self._lifetime = self.warned(life, self.limits.total_seconds, Reason.LIFETIME)

    def cancel_lifetime(self) -> None:
        """Cancel the deadline for the kernel's lifetime, since the kernel is ending."""
        if self._lifetime is not None:
            self._lifetime.cancel()

    def unwarned(self, life: Life, seconds: float, reason: Reason) -> Deadline:
        """A deadline without a warning."""
        return Deadline(self.clock.callLater(seconds, life.stop, reason))

    def warned(self, life: Life, seconds: float, reason: Reason) -> Deadline:
        """A deadline, with a warning unless the wait is short or the lifetime ends first."""
        deadline, ahead = self.unwarned(life, seconds, reason), self.limits.warning_seconds
        lifetime_ends_first = (
            self._lifetime is not None and self._lifetime.end.getTime() <= deadline.end.getTime()
        )
        if ahead > 0 and seconds >= 2 * ahead and not lifetime_ends_first:
            deadline.warning = self.clock.callLater(
                seconds - ahead, self.effects.warn, reason, ahead
            )
        return deadline


@define
class Stopping:
    """The first reason for which the kernel was stopped, and the timer until it is killed."""

    reason: Reason
    patience: IDelayedCall


@define
class Restarting:
    """The timer until the earlier process is killed."""

    patience: IDelayedCall


def _starting(life: Life, core: Core) -> Deadline:
    core.start_lifetime(life)
    return core.unwarned(life, core.limits.start_seconds, Reason.CRASHED)


def _unclaimed(life: Life, core: Core) -> Deadline:
    return core.unwarned(life, core.limits.unclaimed_seconds, Reason.DETACHED)


def _idle(life: Life, core: Core) -> Deadline:
    return core.warned(life, core.idle(), Reason.IDLE)


def _detached(life: Life, core: Core) -> Deadline:
    return core.unwarned(life, core.detached(), Reason.DETACHED)


def _stopping(life: Life, core: Core, reason: Reason) -> Stopping:
    return Stopping(reason, core.clock.callLater(core.limits.stop_grace_seconds, life.grace_over))


def _restarting(life: Life, core: Core) -> Restarting:
    return Restarting(core.clock.callLater(core.limits.stop_grace_seconds, life.grace_over))


def _build() -> TypeMachine[Life, Core]:
    """The transition table, with every input in every state."""
    machine = TypeMachineBuilder(Life, Core)
    new = machine.state("new")
    starting = machine.state("starting", _starting)
    unclaimed = machine.state("unclaimed", _unclaimed)
    idle = machine.state("idle", _idle)
    busy = machine.state("busy")
    detached = machine.state("detached", _detached)
    restarting = machine.state("restarting", _restarting)
    stopping = machine.state("stopping", _stopping)
    dead = machine.state("dead")

    # The normal course.
    new.upon(Life.begin).to(starting).returns(None)
    busy.upon(Life.listeners_left).to(detached).returns(None)

    @starting.upon(Life.started).to(unclaimed)
    @unclaimed.upon(Life.listener_came).to(idle)
    @idle.upon(Life.listeners_left).to(detached)
    @detached.upon(Life.listener_came).to(idle)
    def cancel_deadline(life: Life, core: Core, deadline: Deadline) -> None:
        deadline.cancel()

    @idle.upon(Life.work_began).to(busy)
    def work(life: Life, core: Core, deadline: Deadline) -> None:
        deadline.cancel()
        core.effects.work_began()

    @busy.upon(Life.work_finished).to(idle)
    def rest(life: Life, core: Core) -> None:
        core.effects.work_finished()

    # A new process for the same kernel.
    @busy.upon(Life.restart).to(restarting)
    def restart_kernel(life: Life, core: Core) -> None:
        core.effects.ask_to_restart()

    @unclaimed.upon(Life.restart).to(restarting)
    @idle.upon(Life.restart).to(restarting)
    @detached.upon(Life.restart).to(restarting)
    def restart_kernel_while_waiting(life: Life, core: Core, deadline: Deadline) -> None:
        deadline.cancel()
        restart_kernel(life, core)

    @restarting.upon(Life.grace_over).loop()
    def kill_before_restart(life: Life, core: Core, restart: Restarting) -> None:
        core.effects.kill()

    @restarting.upon(Life.ended).to(new)
    def start_again(life: Life, core: Core, restart: Restarting, how: Exit) -> None:
        if restart.patience.active():
            restart.patience.cancel()
        core.effects.start_again()

    @restarting.upon(Life.stop).to(stopping)
    def stop_instead(life: Life, core: Core, restart: Restarting, reason: Reason) -> None:
        if restart.patience.active():
            restart.patience.cancel()
        stop_kernel(life, core, reason)

    # The end: stopped by the session.
    @new.upon(Life.stop).to(stopping)
    @busy.upon(Life.stop).to(stopping)
    def stop_kernel(life: Life, core: Core, reason: Reason) -> None:
        core.cancel_lifetime()
        core.effects.ask_to_stop(reason)

    @starting.upon(Life.stop).to(stopping)
    @unclaimed.upon(Life.stop).to(stopping)
    @idle.upon(Life.stop).to(stopping)
    @detached.upon(Life.stop).to(stopping)
    def stop_kernel_while_waiting(
        life: Life, core: Core, deadline: Deadline, reason: Reason
    ) -> None:
        deadline.cancel()
        stop_kernel(life, core, reason)

    @stopping.upon(Life.grace_over).loop()
    def kill_after_grace(life: Life, core: Core, stop: Stopping) -> None:
        core.effects.kill()

    @stopping.upon(Life.ended).to(dead)
    def ended_as_asked(life: Life, core: Core, stop: Stopping, how: Exit) -> None:
        if stop.patience.active():
            stop.patience.cancel()
        core.effects.died(stop.reason)

    # The end: the kernel ended by itself.
    @busy.upon(Life.ended).to(dead)
    def ended_unasked(life: Life, core: Core, how: Exit) -> None:
        core.cancel_lifetime()
        core.effects.died(reason_for(how))

    @unclaimed.upon(Life.ended).to(dead)
    @idle.upon(Life.ended).to(dead)
    @detached.upon(Life.ended).to(dead)
    def ended_while_waiting(life: Life, core: Core, deadline: Deadline, how: Exit) -> None:
        deadline.cancel()
        ended_unasked(life, core, how)

    @new.upon(Life.ended).to(dead)
    def ended_before_it_was_up(life: Life, core: Core, how: Exit) -> None:
        core.cancel_lifetime()
        core.effects.died(Reason.CRASHED)

    @starting.upon(Life.ended).to(dead)
    def ended_while_starting(life: Life, core: Core, deadline: Deadline, how: Exit) -> None:
        deadline.cancel()
        ended_before_it_was_up(life, core, how)

    # Inputs that change nothing.
    ignored: dict[Any, list[Callable[..., None]]] = {
        new: [
            Life.started,
            *_LISTENING,
            *_WORK,
            Life.restart,
            Life.grace_over,
        ],
        starting: [
            Life.begin,
            *_LISTENING,
            *_WORK,
            Life.restart,
            Life.grace_over,
        ],
        unclaimed: [Life.begin, Life.started, Life.listeners_left, *_WORK, Life.grace_over],
        idle: [Life.begin, Life.started, Life.listener_came, Life.work_finished, Life.grace_over],
        busy: [Life.begin, Life.started, Life.listener_came, Life.work_began, Life.grace_over],
        detached: [Life.begin, Life.started, Life.listeners_left, *_WORK, Life.grace_over],
        restarting: [Life.begin, Life.started, *_LISTENING, *_WORK, Life.restart],
        stopping: [Life.begin, Life.started, *_LISTENING, *_WORK, Life.restart, Life.stop],
        dead: [
            Life.begin,
            Life.started,
            *_LISTENING,
            *_WORK,
            Life.restart,
            Life.stop,
            Life.grace_over,
            Life.ended,
        ],
    }
    for state, inputs in ignored.items():
        for each in inputs:
            state.upon(each).loop()(_nothing)
    return machine.build()


_WORK = [Life.work_began, Life.work_finished]
_LISTENING = [Life.listener_came, Life.listeners_left]


def _nothing(life: Life, core: Core, *args: object) -> None:
    """Ignore an input."""


new_life = _build()
