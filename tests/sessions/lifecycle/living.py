"""A life with its effects and its clock, brought into each of its states."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.task import Clock

from sagecell_tx.limits import LifetimeLimits
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.interfaces import Exit
from sagecell_tx.sessions.lifecycle.machine import Core, Life, new_life

LIMITS = LifetimeLimits(
    start_seconds=15,
    unclaimed_seconds=60,
    idle_seconds=900,
    detached_seconds=10,
    total_seconds=1800,
    warning_seconds=20,
    stop_grace_seconds=1,
    heartbeat_seconds=5,
)
IDLE = 100.0
CLEAN = Exit(status=0)
SEGFAULT = Exit(signal=11)


@define
class RecordedEffects:
    """Records a life's effects, and may call its inputs from within one."""

    done: list[str] = field(factory=list)
    reasons: list[Reason] = field(factory=list)
    warnings: list[tuple[Reason, float]] = field(factory=list)
    work: list[str] = field(factory=list)
    on_ask: Callable[[], None] = field(default=lambda: None)
    on_kill: Callable[[], None] = field(default=lambda: None)
    on_again: Callable[[], None] = field(default=lambda: None)

    def work_began(self) -> None:
        self.work.append("began")

    def work_finished(self) -> None:
        self.work.append("finished")

    def ask_to_stop(self, reason: Reason) -> None:
        self.done.append("asked")
        self.on_ask()

    def ask_to_restart(self) -> None:
        self.done.append("asked to restart")
        self.on_ask()

    def start_again(self) -> None:
        self.done.append("started again")
        self.on_again()

    def kill(self) -> None:
        self.done.append("killed")
        self.on_kill()

    def warn(self, reason: Reason, seconds: float) -> None:
        self.warnings.append((reason, seconds))

    def died(self, reason: Reason) -> None:
        self.done.append("died")
        self.reasons.append(reason)


class Living:
    """A life with its effects and its clock."""

    def __init__(self, limits: LifetimeLimits = LIMITS) -> None:
        self.clock = Clock()
        self.effects = RecordedEffects()
        self.life = new_life(
            Core(
                clock=self.clock,
                limits=limits,
                effects=self.effects,
                idle=lambda: IDLE,
                detached=lambda: limits.detached_seconds,
            )
        )
        self.effects.on_again = self.life.begin


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


def restarting(living: Living) -> None:
    busy(living)
    living.life.restart()


def stopping(living: Living) -> None:
    busy(living)
    living.life.stop(Reason.STOPPED)


def dead(living: Living) -> None:
    busy(living)
    living.life.ended(SEGFAULT)


def new(living: Living) -> None:
    """Nothing has happened yet."""


STATES = [new, starting, unclaimed, idle, busy, detached, restarting, stopping, dead]
ALIVE = [new, starting, unclaimed, idle, busy, detached]
WAITING = [starting, unclaimed, idle, busy, detached]

INPUTS: dict[str, Callable[[Life], None]] = {
    "begin": Life.begin,
    "started": Life.started,
    "listener_came": Life.listener_came,
    "listeners_left": Life.listeners_left,
    "work_began": Life.work_began,
    "work_finished": Life.work_finished,
    "restart": Life.restart,
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
