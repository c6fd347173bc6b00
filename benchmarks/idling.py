"""Kernels that do nothing: what they cost the server."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing

from benchmarks import processes
from benchmarks.client import PATIENCE, Unexpected, add
from benchmarks.effort import Effort, Figures
from benchmarks.peers import Peer, has_web_server, keeps_kernels_ready

#: Seconds from the last cell until everything has come to rest, and for which is then measured.
_REST = 3.0
_WATCHED = 15.0


def idle(peer: Peer, effort: Effort) -> Figures:
    """Kernels that have run a cell and whose clients stay connected.

    Processor time of the server and all its kernels, as a share of one processor; and file
    descriptors of the web process for each kernel.
    """
    assert has_web_server(peer)
    with ExitStack() as stack:
        stack.enter_context(closing(peer.open()))  # what the first one opens is not of each
        _await_ends(peer)
        alone = processes.descriptors(peer.web_pid)
        for _ in range(effort.idle_kernels):
            add(stack.enter_context(closing(peer.open())))
        time.sleep(_REST)
        descriptors = processes.descriptors(peer.web_pid) - alone
        before = _spent(peer.web_pid)
        time.sleep(_WATCHED)
        spent = _spent(peer.web_pid) - before
    return {
        "idle": [spent / _WATCHED],
        "descriptors": [descriptors / effort.idle_kernels],
    }


def _await_ends(peer: Peer) -> None:
    """Wait until the kernels of earlier measures have ended, and those kept ready are there again."""
    deadline = time.monotonic() + PATIENCE
    while len(peer.kernels()) > 1:
        if time.monotonic() > deadline:
            raise Unexpected("kernels of an earlier measure do not end")
        time.sleep(_REST)
    if keeps_kernels_ready(peer):
        peer.await_ready_kernels()


def _spent(web: int) -> float:
    """Processor time of the web process and all its descendants, in seconds."""
    return sum(map(processes.cpu_seconds, processes.trees({web})))
