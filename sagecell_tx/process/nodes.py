"""The servers of one machine that know one another: where each has its sockets.

Servers with the same `work_dir` and different numbers are nodes of one service. Each has a
directory there, which it has locked, with two UNIX sockets in the part that no kernel can enter::

    work_dir/0002/relay/control    what it is asked by the others, and by `sagecell-tx drain`
    work_dir/0002/relay/forward    requests of clients that another server has received
    work_dir/0002/relay/draining   is there while it admits nobody

A server without a number has `work_dir` itself, and no others.
"""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

#: The directory of a server's own sockets, which no kernel can enter. Its name must not be longer
#: than a kernel's directory and the directory of its sockets: UNIX sockets have short paths.
PRIVATE = "relay"

_CONTROL, _FORWARD, _DRAINING = "control", "forward", "draining"


@frozen
class Nodes:
    """The nodes below `root`, of which this one is `own`; 0 if it has no number."""

    root: Path
    own: int = 0

    def directory(self, node: int) -> Path:
        """The directory of a node, with those of its kernels; `root` for 0."""
        root = self.root.absolute()
        return root / f"{node:04d}" if node else root

    def control(self, node: int) -> Path:
        """The socket on which a node is told what to do, in HTTP."""
        return self.directory(node) / PRIVATE / _CONTROL

    def forward(self, node: int) -> Path:
        """The socket that takes connections of clients; each begins with a line of the PROXY protocol."""
        return self.directory(node) / PRIVATE / _FORWARD

    @property
    def all(self) -> list[int]:
        """The nodes that have sockets, this one among them. One that was killed may be, too."""
        sockets = self.root.absolute().glob(f"[0-9][0-9][0-9][0-9]/{PRIVATE}/{_CONTROL}")
        return sorted(int(path.parent.parent.name) for path in sockets)

    @property
    def others(self) -> list[int]:
        """The nodes beside this one; none if this one has no number."""
        return [node for node in self.all if node != self.own] if self.own else []

    def is_draining(self, node: int) -> bool:
        """Whether a node admits nobody, and ends soon."""
        return (self.directory(node) / PRIVATE / _DRAINING).exists()

    def mark_draining(self) -> None:
        """Tell the others that this node is draining. Raises OSError."""
        (self.directory(self.own) / PRIVATE / _DRAINING).touch(mode=0o600)
