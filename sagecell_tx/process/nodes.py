"""The servers of one machine that know one another: where each has its sockets.

Servers with the same `work_dir` and different numbers are nodes of one service. Each has a
directory there, which it has locked, with two UNIX sockets in the part that no kernel can enter::

    work_dir/0002/relay/control    what it is asked by the others, and by `sagecell-tx drain`
    work_dir/0002/relay/forward    requests of clients that another server has received
    work_dir/0002/relay/draining   is there while it admits nobody

A server without a number has `work_dir` itself, and no others.

A server of several processes is a keeper and its workers (see `sagecell_tx.workers`). Each worker is a node. The keeper
has the directory of the server's number, with one socket::

    work_dir/0002/relay/keeper     what `sagecell-tx drain` asks it
"""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

from attrs import frozen

#: The directory of a server's own sockets, which no kernel can enter. Its name must not be longer
#: than a kernel's directory and the directory of its sockets: UNIX sockets have short paths.
PRIVATE = "relay"

_CONTROL, _FORWARD, _DRAINING, _KEEPER = "control", "forward", "draining", "keeper"

#: The workers of the keeper with the number n have the numbers from `WORKERS` * n + 1 on, and those of one
#: without a number from `WORKERS` * `UNNUMBERED` + 1 on.
WORKERS = 100
UNNUMBERED = 99


def worker_number(keeper: int, index: int) -> int:
    """The number of a keeper's worker; the first has the index 1."""
    return WORKERS * (keeper or UNNUMBERED) + index


def keeper_of(worker: int) -> int:
    """The number of a worker's keeper; 0 if that has none."""
    keeper = worker // WORKERS
    return 0 if keeper == UNNUMBERED else keeper


@frozen
class Nodes:
    """The nodes below `root`, of which this one is `own`; 0 if it has no number.

    If it is a worker, its keeper has so many `workers`; otherwise 0.
    """

    root: Path
    own: int = 0
    workers: int = 0

    def directory(self, node: int) -> Path:
        """The directory of a node, with those of its kernels; `root` for 0."""
        root = self.root.absolute()
        return root / f"{node:04d}" if node else root

    def control(self, node: int) -> Path:
        """The socket on which a node is told what to do, in HTTP."""
        return self.directory(node) / PRIVATE / _CONTROL

    def owner(self, key: bytes) -> int:
        """The one of the workers, this one among them, that a key belongs to."""
        workers = sorted([self.own, *self.peers])
        return workers[crc32(key) % len(workers)]

    def forward(self, node: int) -> Path:
        """The socket that takes connections of clients; each begins with a line of the PROXY protocol."""
        return self.directory(node) / PRIVATE / _FORWARD

    def keeper(self, number: int) -> Path:
        """The socket on which the keeper with that number, or without one, is told what to do, in HTTP."""
        return self.directory(number) / PRIVATE / _KEEPER

    @property
    def all(self) -> list[int]:
        """The nodes that have sockets, this one among them. One that was killed may be, too."""
        return self._with(_CONTROL)

    @property
    def keepers(self) -> list[int]:
        """The keepers with numbers that have sockets."""
        return self._with(_KEEPER)

    def _with(self, socket: str) -> list[int]:
        sockets = self.root.absolute().glob(f"[0-9][0-9][0-9][0-9]/{PRIVATE}/{socket}")
        return sorted(int(path.parent.parent.name) for path in sockets)

    @property
    def others(self) -> list[int]:
        """The nodes beside this one; none if this one has no number."""
        return [node for node in self.all if node != self.own] if self.own else []

    @property
    def peers(self) -> list[int]:
        """The other workers of the same keeper, whether they live or not; none if this is no worker."""
        if not self.workers:
            return []
        first = self.own - self.own % WORKERS + 1
        return [node for node in range(first, first + self.workers) if node != self.own]

    @property
    def is_first(self) -> bool:
        """Whether this one does what one of several workers has to do for all."""
        return not self.workers or self.own % WORKERS == 1

    @property
    def strangers(self) -> list[int]:
        """The nodes beside this one that are not workers of the same keeper."""
        peers = self.peers
        return [node for node in self.others if node not in peers]

    def is_draining(self, node: int) -> bool:
        """Whether a node admits nobody, and ends soon."""
        return (self.directory(node) / PRIVATE / _DRAINING).exists()

    def mark_draining(self) -> None:
        """Tell the others that this node is draining. Raises OSError."""
        (self.directory(self.own) / PRIVATE / _DRAINING).touch(mode=0o600)
