"""Many clients that request a kernel at the same moment."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable
from statistics import median

from attrs import frozen

from benchmarks import processes
from benchmarks.client import Talk, add
from benchmarks.peers import Peer


@frozen
class Crowd:
    """The seconds until the last result and their median, failed clients, memory (PSS) per kernel."""

    last: float
    median: float
    failed: float
    memory: float


def gather(peer: Peer, sessions: int) -> Crowd:
    """Run `sessions` clients, each in a thread, from the request for a kernel to a cell's result.

    The times do not include those that fail. Raises the first failure if all fail.
    """
    opened: list[Talk] = []
    done: list[float] = []
    failures: list[Exception] = []
    go = threading.Barrier(sessions + 1)

    def visit() -> None:
        go.wait()
        try:
            talk = peer.open()
            opened.append(talk)
            add(talk)
            done.append(time.perf_counter())
        except Exception as error:
            failures.append(error)

    visitors = [threading.Thread(target=visit) for _ in range(sessions)]
    for visitor in visitors:
        visitor.start()
    go.wait()
    begun = time.perf_counter()
    _join(visitors)
    alive = peer.kernels()
    memory = processes.memory(processes.trees(alive))
    leaving = [threading.Thread(target=talk.close) for talk in opened]
    for visitor in leaving:
        visitor.start()
    _join(leaving)
    for failure in failures:
        print(f"{sessions} at once, {peer.name}: {failure!r}", file=sys.stderr)
    if not done:
        raise failures[0]
    return Crowd(
        last=max(done) - begun,
        median=median(done) - begun,
        failed=len(failures),
        memory=memory.proportional / len(alive),
    )


def _join(threads: Iterable[threading.Thread]) -> None:
    for thread in threads:
        thread.join()
