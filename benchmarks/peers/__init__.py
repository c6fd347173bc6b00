"""The programs that are compared: each can start a kernel and attach a client to it."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Protocol, TypeGuard

from benchmarks.client import Talk, WebSocketTalk


class Peer(Protocol):
    """One way to a kernel, from start to stop. `open` may be called in several threads."""

    @property
    def name(self) -> str:
        """Its name in the table."""

    def start(self) -> None:
        """Start everything that is shared by kernels."""

    def stop(self) -> None:
        """End everything that was started."""

    def open(self) -> Talk:
        """Start a kernel, or take one that the peer keeps ready, and attach a client."""

    def kernels(self) -> Collection[int]:
        """The pids of the running kernels, each the first process of its tree."""

    def base(self) -> Collection[int]:
        """The pids of the processes that all kernels share."""


class WebPeer(Peer, Protocol):
    """A peer whose clients use a web server."""

    @property
    def web_pid(self) -> int:
        """The process that the clients are connected to."""

    def open(self) -> WebSocketTalk:
        """See `Peer.open`."""


class ReadyPeer(Peer, Protocol):
    """A peer that keeps kernels ready."""

    def await_ready_kernels(self) -> None:
        """Return when there are some and no more are being started."""

    def without_ready_kernels(self) -> AbstractContextManager[Peer]:
        """Another peer like this one that keeps none ready, running within the context."""


def has_web_server(peer: Peer) -> TypeGuard[WebPeer]:
    """Whether the clients of a peer use a web server."""
    return hasattr(peer, "web_pid")


def keeps_kernels_ready(peer: Peer) -> TypeGuard[ReadyPeer]:
    """Whether a peer keeps kernels ready."""
    return hasattr(peer, "await_ready_kernels")


#: The names of the peers on the command line and in the table.
SAGECELL = "sagecell-tx"
SAGECELL_V1 = "sagecell-v1"
JUPYTER = "jupyter"
JUPYTER_V1 = "jupyter-v1"
PLAIN = "plain"
FORKED = "forked"
STOCK = "stock"
BEFORE = "before"
SAGE = "sage"
SAGEMATH = "sagemath"
LOCAL = "local"
REMOTE = "remote"
