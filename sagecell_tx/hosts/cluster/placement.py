"""Which machine starts the next kernel, and how many kernels there can be in all."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from sagecell_tx.config import SANDBOXES

#: A machine with less free memory, in bytes, is chosen only if all others are full.
SCARCE = 512 << 20

#: Seconds for which a machine gets kernels only if all others are full, after it could not start one, or not within `SLOW` seconds.
#: If that was one of an installed kernelspec, the machine gets others as before: a kernelspec may be broken, or slow, and
#: visitors choose it.
SHUNNED = 30.0
SLOW = 5.0


@frozen(kw_only=True)
class Candidate:
    """A machine that starts kernels.

    `live` are its kernels of this web process: those of sessions, ready ones and those that are being
    started or have not ended yet. `others` are those of other web processes. `memory` is free, in
    bytes. If it is `failing`, kernels could not be started there a moment ago: as they end at once, it would always be
    the least full.
    """

    name: str
    capacity: int
    live: int
    others: int = 0
    memory: int = SCARCE
    failing: bool = False

    @property
    def places(self) -> int:
        """How many kernels of this web process it takes."""
        return max(0, self.capacity - self.others)

    @property
    def is_full(self) -> bool:
        """Whether it takes no further one."""
        return self.live >= self.places


@define(kw_only=True, eq=False)
class MachineStarts:
    """The starts of kernels on one machine, by number, and for how long it is shunned since some have failed."""

    clock: IReactorTime
    _begun: dict[int, float] = field(factory=dict, init=False)  # the time of each
    _shunned_until: dict[str, float] = field(factory=dict, init=False)  # by kernelspec; "" for any

    def begun(self, number: int) -> None:
        """A kernel is being started."""
        self._begun[number] = self.clock.seconds()

    def failed(self, number: int, spec: str, *, given_up: bool) -> None:
        """It could not be started, or was given up; that says nothing about the machine if it was soon."""
        now = self.clock.seconds()
        if not given_up or now >= self._begun.get(number, now) + SLOW:
            self._shunned_until[spec] = now + SHUNNED

    def are_failing(self, spec: str) -> bool:
        """Whether kernels of this kernelspec, or any, could not be started a moment ago."""
        until = max(self._shunned_until.get(each, 0.0) for each in ("", spec))
        return self.clock.seconds() < until

    def forget(self, number: int) -> None:
        """A kernel is gone."""
        self._begun.pop(number, None)

    def forget_all(self) -> None:
        """The machine is lost with all of its kernels."""
        self._begun.clear()


def choose(candidates: Iterable[Candidate]) -> str | None:
    """The name of the machine for the next kernel; None if all are full.

    It is the one that would be the least full with it: of equal machines, one with the fewest kernels. One that is failing comes
    last.
    """
    roomy = [each for each in candidates if not each.is_full]
    if not roomy:
        return None

    def burden(each: Candidate) -> tuple[bool, bool, float, int, str]:
        share = (each.live + each.others + 1) / each.capacity
        return each.failing, each.memory < SCARCE, share, -each.memory, each.name

    return min(roomy, key=burden).name


def weakest(levels: Iterable[str]) -> str:
    """The weakest of some levels of confinement; that of an unknown name is the weakest."""
    ranks = {level: rank for rank, level in enumerate(SANDBOXES)}
    return max(levels, key=lambda level: ranks.get(level, len(ranks)), default="none")


def suffices(level: str, required: str) -> bool:
    """Whether a machine's level of confinement is as strict as the setting asks for, or stricter."""
    return required == "auto" or (level in SANDBOXES and weakest((level, required)) == required)
