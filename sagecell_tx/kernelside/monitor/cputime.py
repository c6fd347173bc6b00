"""The processor time of a process tree, with that of processes that nobody waited for.

Linux adds the time of a child to its parent's when the parent waits for it. A parent that ignores
SIGCHLD never waits, and the time of the child is lost when it ends. So the time last seen of a
process counts after its end, as far as no parent has absorbed it.

A child that begins and ends between two updates is never seen. Such time is estimated from the
new processes that are running at an update: each is taken for one of a series that has used the
same share of the processor since the last update. What parents absorb beyond the times that were
seen is subtracted from the estimate, so that children that are waited for count once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from attrs import define, field

from sagecell_tx.kernelside.system.processtable import Process


@define(eq=False)
class CpuTime:
    """The processor time of one tree. `cores` is how many of its processes can run at once."""

    cores: int
    _seen: dict[tuple[int, float], Process] = field(factory=dict, init=False)
    _lost: float = field(default=0.0, init=False)
    _unseen: float = field(default=0.0, init=False)
    _at: float | None = field(default=None, init=False)
    _most: float = field(default=0.0, init=False)

    @property
    def seen(self) -> Collection[tuple[int, float]]:
        """The keys of the processes that there were at the last update."""
        return self._seen.keys()

    def update(self, tree: Sequence[Process], now: float) -> float:
        """Seconds that the tree has used so far, never decreasing. `now` is since the boot."""
        present = {process.key: process for process in tree}
        gone = sum(process.cpu for key, process in self._seen.items() if key not in present)
        absorbed = sum(
            process.waited - (self._seen[key].waited if key in self._seen else 0.0)
            for key, process in present.items()
        )
        self._lost += max(0.0, gone - absorbed)
        if self._at is not None:
            likes = self._likes_of_new(tree, self._at, now)
            self._unseen = max(0.0, self._unseen + likes - max(0.0, absorbed - gone))
        self._seen, self._at = present, now
        taken = sum(process.cpu for process in tree) + self._lost + self._unseen
        self._most = max(self._most, taken)
        return self._most

    def _likes_of_new(self, tree: Sequence[Process], since: float, now: float) -> float:
        """Estimated seconds used since then by ended processes like the new running ones."""
        likes = 0.0
        for process in tree:
            age = now - process.born
            if process.running and process.key not in self._seen and 0 < age < now - since:
                share = min(1.0, process.own / age)
                likes += max(0.0, share * (now - since) - process.own)
        return min(likes, self.cores * (now - since))
