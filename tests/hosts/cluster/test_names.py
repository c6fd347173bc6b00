"""Lookups of the names of machines, which may take for ever."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectingCancelledError, DNSLookupError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.hosts.cluster.facts import MOST_MACHINES
from sagecell_tx.hosts.cluster.names import FRESH, MOST_WAITING, MachineNames, NamingReactor
from sagecell_tx.hosts.network.resolver import THREADS


@define(eq=False)
class ResolverDouble:
    """A resolver whose answers the test gives."""

    asked: list[tuple[str, Deferred[list[str]]]] = field(factory=list)
    is_started: bool = False

    def start(self) -> None:
        self.is_started = True

    def stop(self) -> None:
        self.is_started = False

    def addresses(self, host: str) -> Deferred[list[str]]:
        answer: Deferred[list[str]] = Deferred()
        self.asked.append((host, answer))
        return answer


class MachineNamesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.resolver = ResolverDouble()
        self.names = MachineNames(clock=self.reactor, resolver=self.resolver)
        self.naming = NamingReactor(self.reactor, self.names)

    def connect(self, host: str = "blue.example.org") -> Deferred[Any]:
        connecting = HostnameEndpoint(self.naming, host, 9475).connect(
            Factory.forProtocol(Protocol)
        )
        self.addCleanup(connecting.cancel)
        connecting.addErrback(
            lambda failure: failure.trap(DNSLookupError, ConnectingCancelledError)
        )
        return connecting

    @property
    def reached(self) -> list[str]:
        """Where connections were begun to, so far."""
        return [host for host, *_ in self.reactor.tcpClients]

    def test_an_address_is_looked_up_nowhere(self) -> None:
        self.connect("10.0.0.5")
        self.connect("fd00::5")
        assert self.reached == ["10.0.0.5", "fd00::5"]
        assert self.resolver.asked == []

    def test_a_name_is_looked_up_once_for_all_who_wait(self) -> None:
        for _ in range(3):
            self.connect()
        ((host, answer),) = self.resolver.asked
        assert host == "blue.example.org"
        answer.callback(["10.0.0.5", "fd00::5"])
        assert self.reached == ["10.0.0.5"] * 3
        self.connect()
        assert len(self.resolver.asked) == 1

    def test_what_was_found_is_used_while_it_is_looked_up_again(self) -> None:
        self.connect()
        self.resolver.asked[0][1].callback(["10.0.0.5"])
        self.reactor.advance(FRESH)
        self.connect()
        self.connect()
        assert self.reached == ["10.0.0.5"] * 3
        (_, (_, answer)) = self.resolver.asked
        answer.errback(OSError("no answer"))
        self.connect()
        assert self.reached == ["10.0.0.5"] * 4
        self.resolver.asked[2][1].callback(["10.0.0.6"])
        self.connect()
        assert self.reached[-1] == "10.0.0.6"
        assert len(self.resolver.asked) == 3

    def test_an_unknown_name(self) -> None:
        connecting = self.connect()
        self.resolver.asked[0][1].errback(OSError("unknown"))
        assert self.successResultOf(connecting) is DNSLookupError

    def test_one_that_nobody_answers_for_takes_one_thread(self) -> None:
        for _ in range(MOST_WAITING):
            self.assertNoResult(self.connect())
        assert self.successResultOf(self.connect()) is DNSLookupError
        assert len(self.resolver.asked) == 1

    def test_many_of_them_wait_for_each_other(self) -> None:
        for number in range(THREADS + 3):
            self.connect(f"slow{number}.example.org")
        assert len(self.resolver.asked) == THREADS
        self.resolver.asked[0][1].callback([])
        assert len(self.resolver.asked) == THREADS + 1

    def test_names_of_machines_that_are_gone_are_forgotten(self) -> None:
        for number in range(2 * MOST_MACHINES + 2):
            self.connect(f"m{number}.example.org")
            self.resolver.asked.pop()[1].callback(["10.0.0.5"])
        assert len(self.names._known) == 1
