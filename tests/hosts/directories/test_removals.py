"""Removals run in threads of their own, and a server that stops gives up on them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_twisted import ensureDeferred
from twisted.internet.task import Clock
from twisted.python.threadpool import ThreadPool

from sagecell_tx.hosts.directories.removals import AGAIN, PATIENCE, Removals
from tests.hosts.doubles import LaterThreads


class Slow:
    """A removal that blocks until it is no longer wanted."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.removed: list[Path] = []

    def __call__(self, path: Path, wanted: Callable[[], bool]) -> bool:
        self.begun.release()
        while not self.go_on.wait(0.01):
            if not wanted():
                return False
        self.removed.append(path)
        return True


class FromThread(Clock):
    """A clock whose callFromThread goes by way of the real reactor."""

    def callFromThread(self, function, *args, **kwargs):  # noqa: N802
        from twisted.internet import reactor  # noqa: TID251 - a test that needs the real one

        real: Any = reactor
        real.callFromThread(function, *args, **kwargs)


def removals(slow: Slow) -> Removals:
    made = Removals(reactor=FromThread(), threads=ThreadPool(0, 2), remove=slow)
    made.start()
    return made


@ensureDeferred
async def test_each_is_removed_and_told():
    slow = Slow()
    slow.go_on.set()
    removing = removals(slow)
    paths = [Path(f"/none/{number}") for number in range(5)]
    assert [await begun for begun in map(removing.begin, paths)] == [True] * 5
    assert sorted(slow.removed) == paths
    removing.stop()
    assert removing.reactor.getDelayedCalls() == []


@ensureDeferred
async def test_once_the_server_is_to_stop_their_time_is_bounded():
    slow = Slow()
    removing = removals(slow)
    begun = [removing.begin(Path(f"/none/{number}")) for number in range(5)]
    for _ in range(2):
        slow.begun.acquire()
    removing.hurry()
    removing.hurry()
    removing.reactor.advance(PATIENCE - 1)
    assert not any(each.called for each in begun)
    removing.reactor.advance(1)
    assert [await each for each in begun] == [False] * 5
    removing.stop()


def test_what_could_not_be_removed_is_tried_once_more():
    tried: list[Path] = []

    def remove(path: Path, wanted: Callable[[], bool]) -> bool:
        tried.append(path)
        return False

    clock, threads = Clock(), LaterThreads()
    clock.callFromThread = lambda call, *args: call(*args)  # type: ignore[attr-defined]
    removing = Removals(reactor=clock, threads=threads, remove=remove)
    begun = removing.begin(Path("/none"))
    threads.work()
    assert begun.result is False
    for _ in range(3):
        clock.advance(AGAIN)
        threads.work()
    assert tried == [Path("/none")] * 2
    removing.begin(Path("/other"))
    threads.work()
    removing.stop()
    assert clock.getDelayedCalls() == []


@ensureDeferred
async def test_stopping_waits_for_no_tree():
    slow = Slow()
    removing = removals(slow)
    begun = removing.begin(Path("/none"))
    slow.begun.acquire()
    removing.hurry()
    removing.stop()
    assert await begun is False
    assert await removing.begin(Path("/none")) is False
    assert removing.reactor.getDelayedCalls() == []
