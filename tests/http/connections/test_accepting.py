"""Ports stop accepting while descriptors run out, and start again."""

from __future__ import annotations

import errno
import os
from types import SimpleNamespace
from typing import Any, cast

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.http.connections import accepting
from sagecell_tx.http.connections.accepting import (
    AT_FIRST,
    INTERVAL,
    ListeningPorts,
    WatchedEndpoint,
    descriptors,
    quick_count,
)


@define
class Port:
    """A listening port."""

    reading: bool = True
    numberAccepts: int = 300  # noqa: N815 - as Twisted has it
    story: list[str] = field(factory=list)

    def startReading(self) -> None:  # noqa: N802
        self.reading = True
        self.story.append("open")

    def stopReading(self) -> None:  # noqa: N802
        self.reading = False
        self.story.append("closed")


@define
class Endpoint:
    port: Port

    def listen(self, factory: object) -> Deferred[Any]:
        return succeed(self.port)


class DoorsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.used = 10
        self.doors = ListeningPorts(
            clock=self.clock,
            limit=lambda: 100,
            in_use=lambda: self.used,
            in_use_quickly=lambda: self.used,
        )
        self.ports = [Port(), Port()]
        for port in self.ports:
            watched = WatchedEndpoint(cast(Any, Endpoint(port)), self.doors)
            self.successResultOf(watched.listen(cast(Any, None)))

    def come(self, used: int) -> list[bool]:
        """A connection arrives; returns which ports accept others after it."""
        self.used = used
        self.doors.accepted()
        return [port.reading for port in self.ports]

    def pass_with(self, used: int) -> list[bool]:
        """Let time pass until the next check; returns which ports accept connections after it."""
        self.used = used
        self.clock.advance(INTERVAL)
        return [port.reading for port in self.ports]

    def test_open_below_four_fifths(self) -> None:
        assert self.come(79) == [True, True]
        assert self.clock.getDelayedCalls() == []

    def test_closed_from_there_on_until_there_is_room_again(self) -> None:
        assert self.come(80) == [False, False]
        assert self.pass_with(80) == [False, False]
        assert self.pass_with(76) == [False, False]
        assert self.pass_with(75) == [True, True]
        assert self.clock.getDelayedCalls() == []
        assert self.come(90) == [False, False]
        assert self.ports[0].story == ["closed", "open", "closed"]
        assert self.ports[0].numberAccepts == AT_FIRST
        self.doors.close()

    def test_who_came_with_the_last_ones_is_hung_up_on(self) -> None:
        stays = []
        for self.used in (79, 80, 84, 85, 95):
            stays.append(self.doors.accepted())
        assert stays == [True, True, True, False, False]
        self.doors.close()

    def test_closed_once_by_many(self) -> None:
        for _ in range(3):  # those that the same turn of the reactor let in
            self.come(85)
        assert self.ports[0].story == ["closed"]
        assert len(self.clock.getDelayedCalls()) == 1
        self.doors.close()

    def hang_up_on(self, waiting: int) -> list[int]:
        """So many connections wait for a request; returns how many were to be closed."""
        asked: list[int] = []

        def hang_up(most: int) -> int:
            nonlocal waiting
            asked.append(most)
            ended = min(most, waiting)
            waiting -= ended
            return ended

        self.doors.hang_up = hang_up
        return asked

    def test_while_somebody_waits_for_a_request_the_doors_stay_open(self) -> None:
        asked = self.hang_up_on(2)
        assert self.come(79) == [True, True]
        assert asked == []
        assert self.come(80) == [True, True]
        assert self.come(84) == [True, True]
        assert self.come(80) == [False, False]
        assert asked == [1, 1, 1]
        self.doors.close()

    def test_where_too_many_came_at_once_room_is_made_before_the_next(self) -> None:
        asked = self.hang_up_on(100)
        assert self.come(85) == [False, False]
        assert self.pass_with(85) == [False, False]
        assert self.pass_with(75) == [True, True]
        assert asked == [1, 10]

    def test_who_came_in_one_turn_stays_while_others_make_room(self) -> None:
        self.hang_up_on(4)
        stays = []
        for self.used in (80, 84, 85, 94, 94):
            stays.append(self.doors.accepted())
        assert stays == [True, True, True, True, False]
        self.doors.close()

    def test_but_not_with_the_last_descriptors(self) -> None:
        self.hang_up_on(4)
        self.used = 95
        assert not self.doors.accepted()
        self.doors.close()

    def test_after_the_end_nothing_is_opened(self) -> None:
        self.come(90)
        self.doors.close()
        assert self.clock.getDelayedCalls() == []
        self.come(90)
        self.pass_with(1)
        assert self.ports[0].story == ["closed"]


@pytest.mark.skipif(
    os.stat("/proc/self/fd").st_size == 0, reason="before Linux 6.2 the number is a lower bound"
)
def test_free_descriptors_below_others_are_not_counted():
    """A server that has hung up on the first connections has such."""
    before = descriptors()
    opened = [os.open("/", os.O_RDONLY) for _ in range(100)]
    try:
        while len(opened) > 40:
            os.close(opened.pop(0))
        assert quick_count() == before + 40
    finally:
        for descriptor in opened:
            os.close(descriptor)


def test_before_linux_6_2_none_that_is_free_is_needed_to_count(monkeypatch):
    """An exception there would leave the ports closed for ever."""

    def listdir(path: str) -> list[str]:
        raise OSError(errno.EMFILE, "Too many open files", path)

    system = SimpleNamespace(stat=lambda _: os.stat_result([0] * 10), listdir=listdir)
    monkeypatch.setattr(accepting, "os", system)
    clock, port = Clock(), Port()
    ports = ListeningPorts(clock=clock, limit=lambda: 100, in_use_quickly=lambda: 100)
    ports.add(cast(Any, port))
    assert not ports.accepted()
    clock.advance(INTERVAL)
    system.listdir = lambda _: ["0", "1", "2"]
    clock.advance(INTERVAL)
    assert port.story == ["closed", "open"]
