"""Which machine starts the next kernel, and how many kernels there can be in all. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from sagecell_tx.config import SANDBOXES

#: A machine with less free memory, in bytes, is chosen only if all others are full.
SCARCE = 512 << 20


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
