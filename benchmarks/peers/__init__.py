"""Those who are compared: each can bring up a kernel and attach a client to it."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Protocol

from benchmarks.client import Talk, WebSocketTalk


class Peer(Protocol):
    """One way to a kernel, from start to stop. `open` may be called in several threads."""

    @property
    def name(self) -> str:
        """What it is called in the table."""

    def start(self) -> None:
        """Bring up what outlives a kernel."""

    def stop(self) -> None:
        """End everything that was started."""

    def open(self) -> Talk:
        """Start a kernel and attach a client, from nothing but this peer's own readiness."""

    def kernels(self) -> Collection[int]:
        """The pids of the kernels that live, each the first process of its tree."""

    def base(self) -> Collection[int]:
        """The pids of the processes that exist for kernels but serve no one in particular."""


class WebPeer(Peer, Protocol):
    """A peer whose clients come through a web server."""

    @property
    def web_pid(self) -> int:
        """The process that the clients are connected to."""

    def open(self) -> WebSocketTalk:
        """See `Peer.open`."""


class ReadyPeer(Peer, Protocol):
    """A peer that keeps kernels ready for whoever comes."""

    def await_ready_kernels(self) -> None:
        """Return when there are some and no more are coming."""

    def without_ready_kernels(self) -> AbstractContextManager[Peer]:
        """Another one like this, up in the meantime, that keeps none."""


#: What each is called on the command line and in the table.
SAGECELL = "sagecell-tx"
JUPYTER = "jupyter"
PLAIN = "plain"
FORKED = "forked"
STOCK = "stock"
