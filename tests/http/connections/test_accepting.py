"""New connections are refused while descriptors run out, and accepted again."""

from __future__ import annotations

import errno
import os
from types import SimpleNamespace
from typing import Any, cast

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from sagecell_tx.http.connections import accepting
from sagecell_tx.http.connections.accepting import (
    AT_FIRST,
    INTERVAL,
    ListeningPorts,
    Verdict,
    WatchedEndpoint,
    descriptors,
    quick_count,
)
from sagecell_tx.http.connections.refusing import Refusals
from sagecell_tx.process.capacity import DESCRIPTORS

STAYS, REFUSED, CLOSED = Verdict.STAYS, Verdict.REFUSED, Verdict.CLOSED


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


class PortsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.used = 10
        self.refusals = Refusals(clock=self.clock)
        self.listening = ListeningPorts(
            clock=self.clock,
            limit=lambda: 100,
            refusals=self.refusals,
            in_use=lambda: self.used,
            in_use_quickly=lambda: self.used,
        )
        self.ports = [Port(), Port()]
        for port in self.ports:
            watched = WatchedEndpoint(cast(Any, Endpoint(port)), self.listening)
            self.successResultOf(watched.listen(cast(Any, None)))

    @override
    def tearDown(self) -> None:
        self.listening.close()
        assert self.clock.getDelayedCalls() == []

    def come(self, *used: int) -> list[Verdict]:
        """Connections arrive while so many descriptors are in use; returns what becomes of each."""
        verdicts = []
        for self.used in used:
            verdicts.append(self.listening.accepted())
        return verdicts

    def pass_with(self, used: int) -> None:
        """Let time pass until the next check."""
        self.used = used
        self.clock.advance(INTERVAL)

    def story(self) -> list[str]:
        """What was done with the ports, the same with both."""
        assert self.ports[0].story == self.ports[1].story
        return self.ports[0].story

    def refuse(self) -> StringTransport:
        """One more refused connection is open."""
        refused, transport = self.refusals.connection(), StringTransport()
        refused.makeConnection(transport)
        return transport

    def test_all_stay_below_four_fifths(self) -> None:
        assert self.come(79) == [STAYS]
        assert self.clock.getDelayedCalls() == []

    def test_there_is_room_for_kernels_below_four_fifths(self) -> None:
        self.used = 79
        assert self.listening.has_room()
        self.used = 80
        assert not self.listening.has_room()

    def test_connections_that_wait_make_room_for_a_kernel(self) -> None:
        waiting = DESCRIPTORS + 2
        asked = []

        def hang_up(most: int) -> int:
            nonlocal waiting
            asked.append(most)
            closed = min(most, waiting)
            waiting -= closed
            return closed

        self.listening.hang_up = hang_up
        self.used = 80
        assert self.listening.has_room()
        assert not self.listening.has_room()  # the two that are left do not suffice
        self.used = 90
        assert not self.listening.has_room()
        assert asked == [DESCRIPTORS] * 2

    def test_refused_from_there_on_until_there_is_room_again(self) -> None:
        with capturedLogs() as events:
            assert self.come(80, 89, 79, 75) == [REFUSED] * 4
            self.pass_with(76)
            assert self.come(75) == [REFUSED]
            self.pass_with(75)
            assert self.come(75, 79) == [STAYS] * 2
        assert self.clock.getDelayedCalls() == []
        assert self.story() == []
        told = [event["log_format"].partition(":")[0] for event in events]
        assert told == [
            "new connections are refused for now",
            "new connections are accepted again",
        ]

    def test_where_few_are_in_use_nobody_is_refused_in_the_meantime(self) -> None:
        assert self.come(80, 74) == [REFUSED, STAYS]

    def test_the_ports_stop_while_the_reserve_is_used_up(self) -> None:
        assert self.come(90) == [CLOSED]
        self.pass_with(90)
        assert self.story() == ["closed"]
        self.pass_with(89)
        assert self.story() == ["closed", "open"]
        assert self.ports[0].numberAccepts == 6
        assert self.come(90) == [CLOSED]
        self.pass_with(70)
        assert self.story() == ["closed", "open", "closed", "open"]
        assert self.ports[0].numberAccepts == AT_FIRST
        assert self.clock.getDelayedCalls() == []

    def test_the_oldest_refused_connection_makes_room_for_a_new_one(self) -> None:
        transports = [self.refuse() for _ in range(2)]
        assert self.come(90, 94) == [REFUSED] * 2
        assert [transport.disconnected for transport in transports] == [True, True]
        assert self.come(94) == [CLOSED]
        self.refuse()
        assert self.come(95) == [CLOSED]

    def test_stopped_once_by_many(self) -> None:
        self.come(90, 90, 90)  # those that the same turn of the reactor accepts
        assert self.story() == ["closed"]
        assert len(self.clock.getDelayedCalls()) == 1

    def hang_up_on(self, waiting: int) -> list[int]:
        """So many connections wait for a request; returns how many were to be closed."""
        asked: list[int] = []

        def hang_up(most: int) -> int:
            nonlocal waiting
            asked.append(most)
            ended = min(most, waiting)
            waiting -= ended
            return ended

        self.listening.hang_up = hang_up
        return asked

    def test_while_somebody_waits_for_a_request_nobody_is_refused(self) -> None:
        asked = self.hang_up_on(2)
        assert self.come(79) == [STAYS]
        assert asked == []
        assert self.come(80, 84, 80) == [STAYS, STAYS, REFUSED]
        assert asked == [1, 1, 1]

    def test_where_too_many_came_at_once_room_is_made_before_the_next(self) -> None:
        asked = self.hang_up_on(100)
        assert self.come(90) == [STAYS]
        assert self.story() == ["closed"]
        self.pass_with(90)
        assert self.story() == ["closed"]
        self.pass_with(75)
        assert self.story() == ["closed", "open"]
        assert asked == [1, 15]

    def test_who_came_in_one_turn_stays_while_others_make_room(self) -> None:
        self.hang_up_on(4)
        assert self.come(80, 84, 85, 94, 94) == [STAYS] * 4 + [CLOSED]

    def test_but_not_with_the_last_descriptors(self) -> None:
        self.hang_up_on(4)
        assert self.come(95) == [CLOSED]

    def test_ports_that_are_held_accept_nothing_before_they_are_released(self) -> None:
        self.listening.hold()
        held = Port()
        self.successResultOf(
            WatchedEndpoint(cast(Any, Endpoint(held)), self.listening).listen(cast(Any, None))
        )
        assert [port.reading for port in (*self.ports, held)] == [True, True, False]
        self.listening.release()
        assert held.reading
        self.listening.release()
        assert held.story == ["closed", "open"]

    def test_after_the_end_nothing_is_opened(self) -> None:
        transport = self.refuse()
        self.come(90)
        self.listening.close()
        assert transport.disconnected
        assert self.clock.getDelayedCalls() == []
        self.come(90)
        self.pass_with(1)
        assert self.story() == ["closed"]


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
    ports = ListeningPorts(
        clock=clock,
        limit=lambda: 100,
        refusals=Refusals(clock=clock),
        in_use_quickly=lambda: 100,
    )
    ports.add(cast(Any, port))
    assert ports.accepted() is CLOSED
    clock.advance(INTERVAL)
    system.listdir = lambda _: ["0", "1", "2"]
    clock.advance(INTERVAL)
    assert port.story == ["closed", "open"]
