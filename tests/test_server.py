"""The parts of a server are started and stopped in a fixed order, and signals stop it."""

from __future__ import annotations

import errno
import re
import signal
from collections.abc import Callable
from typing import Any, ClassVar, cast

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError, ReactorNotRunning
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from sagecell_tx.http.connections.accepting import ListeningPorts
from sagecell_tx.http.connections.limits import ConnectionLimits
from sagecell_tx.http.connections.refusing import Refusals
from sagecell_tx.limits import Limits
from sagecell_tx.server import ATTEMPTS, PAUSE, PermalinkServer, Server, why_not_open

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@define
class Part:
    """A part of a server that records when it is started and stopped."""

    name: str
    story: list[str]
    up: Deferred[None] = field(factory=Deferred)
    end: Deferred[None] = field(factory=lambda: succeed(None))
    failing: Exception | None = None
    drained: Deferred[None] = field(factory=Deferred)
    running: bool = False

    def privilegedStartService(self) -> None:  # noqa: N802
        if self.failing is not None:
            raise self.failing
        self.story.append(f"{self.name} opens")

    def startService(self) -> None:  # noqa: N802
        self.story.append(f"{self.name} starts")
        self.running = True

    def stopService(self) -> Deferred[None]:  # noqa: N802
        self.story.append(f"{self.name} stops")
        return self.end

    def claim(self) -> None:
        self.story.append(f"{self.name} is claimed")

    def hurry(self) -> None:
        self.story.append(f"{self.name} hurries")

    upgrade = startService
    close = stopService

    def when_up(self) -> Deferred[None]:
        return self.up

    # --- of the fleet and the siblings

    draining: float | None = None
    limits: ClassVar = Limits()

    def __len__(self) -> int:
        return 2

    def drain(self) -> Deferred[None]:
        self.story.append(f"{self.name} drains")
        self.draining = 300.0
        return self.drained

    def mark_draining(self) -> None:
        self.story.append("the others hear of the drain")

    def take_over(self) -> Deferred[None]:
        self.story.append("the others are drained")
        return succeed(None)

    def ready(self) -> None:
        self.story.append("systemd hears ready")

    def status(self, sentence: str) -> None:
        self.story.append(f"systemd hears {sentence}")

    def stopping(self) -> None:
        self.story.append("systemd hears stopping")


class Reactor(MemoryReactorClock):
    """A reactor in memory that runs in the test's thread."""

    stopped = False

    @override
    def stop(self) -> None:
        if self.stopped:
            raise ReactorNotRunning
        self.stopped = True

    def callFromThread(self, callable: Callable[[], object]) -> None:  # noqa: N802, A002
        callable()


class ServerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.story: list[str] = []
        names = ("database", "host", "ready", "fleet", "sweeping", "siblings", "notifier")
        self.parts = {name: Part(name, self.story) for name in names}
        self.port = Part("port", self.story)
        self.connections = ConnectionLimits()
        self.has_terminal = False
        self.reactor = Reactor()
        self.server = Server(
            shortfalls=lambda: ["it is small"],
            reactor=self.reactor,
            **cast(Any, self.parts),
            connections=self.connections,
            has_terminal=lambda: self.has_terminal,
            listening=cast(Any, [self.port]),
            ports=ListeningPorts(
                clock=self.reactor,
                limit=lambda: 1000,
                refusals=Refusals(clock=self.reactor),
            ),
        )

    def told(self) -> list[str]:
        """What has been recorded since the last call."""
        story, self.story[:] = list(self.story), []
        return story

    def test_each_part_rests_on_those_before_it(self) -> None:
        self.server.on_up = lambda: self.story.append("the process is told")
        self.server.privilegedStartService()
        self.server.startService()
        assert self.told() == [
            "port opens",
            "host is claimed",
            "database starts",
            "host starts",
            "ready starts",
            "fleet starts",
            "sweeping starts",
            "siblings starts",
            "port starts",
        ]
        with capturedLogs() as events:
            self.parts["host"].up.callback(None)
        assert [event["sentence"] for event in events if "sentence" in event] == ["it is small"]
        assert self.told() == ["systemd hears ready", "the process is told"]

    def test_one_that_stops_before_it_is_ready_does_not_become_ready(self) -> None:
        self.server.privilegedStartService()
        self.server.startService()
        stopped = self.server.stopService()
        self.told()
        self.parts["host"].up.callback(None)
        assert self.told() == []
        self.successResultOf(stopped)

    def test_a_port_that_cannot_be_opened_is_one_sentence(self) -> None:
        used, forbidden = OSError(errno.EADDRINUSE, "used"), OSError(errno.EACCES, "forbidden")
        away = OSError(errno.EADDRNOTAVAIL, "away")
        for error, words in (
            (CannotListenError("", 80, used), "tcp:80: another program uses it already"),
            (CannotListenError("", 80, forbidden), "tcp:80: forbidden; ports below 1024"),
            (CannotListenError("192.0.2.1", 80, away), "this machine does not have the address"),
            (CannotListenError("any", "/run/cells", "Cannot acquire lock"), "acquire lock"),
            (OverflowError("port must be 0-65535."), "tcp:80: port must be 0-65535."),
        ):
            self.port.name, self.port.failing = "tcp:80", error
            with pytest.raises(SystemExit, match=re.escape(words)) as end:
                self.server.privilegedStartService()
            assert str(end.value).startswith("sagecell-tx: listen: tcp:80: ")
            assert "\n" not in str(end.value)
        assert self.told() == []

    def test_a_unix_socket_has_no_privileged_numbers(self) -> None:
        error = CannotListenError("any", "/run/cells", OSError(errno.EACCES, "forbidden"))
        assert why_not_open("unix:/run/cells", error) == "unix:/run/cells: forbidden"

    def test_a_server_of_permalinks_is_a_database_and_ports(self) -> None:
        """contract: 1.17"""
        server = PermalinkServer(
            reactor=self.reactor,
            database=cast(Any, self.parts["database"]),
            listening=cast(Any, [self.port]),
            ports=ListeningPorts(
                clock=self.reactor,
                limit=lambda: 1000,
                refusals=Refusals(clock=self.reactor),
            ),
            notifier=cast(Any, self.parts["notifier"]),
        )
        self.put_signals_back()
        server.privilegedStartService()
        server.startService()
        assert self.told() == ["port opens", "database starts", "port starts"]
        for hook, args, kwargs in self.reactor.whenRunningHooks:
            hook(*args, **kwargs)
        assert self.told() == ["systemd hears ready"]
        assert self.successResultOf(server.stopService()) is None
        assert self.told() == ["systemd hears stopping", "port stops", "database stops"]

    def is_stopped(self) -> bool:
        return self.reactor.stopped

    def test_addresses_for_operators_are_opened_with_the_others(self) -> None:
        self.server.observing = cast(Any, [Part("page", self.story)])
        self.server.privilegedStartService()
        assert self.told() == ["port opens", "page opens"]
        self.server.startService()
        assert self.told()[-2:] == ["port starts", "page starts"]
        self.successResultOf(self.server.stopService())
        assert [each for each in self.told() if each.startswith("p")] == [
            "port stops",
            "page stops",
        ]

    def follow(self) -> list[Part]:
        """Start beside another server, which has the addresses for operators until it is drained."""
        parts = [Part("page", self.story), Part("metrics", self.story)]
        self.server.observing, self.server.takes_over, self.server.follows = (
            cast(Any, parts),
            True,
            True,
        )
        self.server.privilegedStartService()
        self.server.startService()
        assert "page opens" not in self.told()
        used = OSError(errno.EADDRINUSE, "used")
        parts[1].failing = CannotListenError("", 80, used)
        self.parts["host"].up.callback(None)
        assert self.told() == [
            "the others are drained",
            "page opens",
            "page starts",
            "systemd hears ready",
        ]
        return parts

    def test_who_takes_over_has_them_when_the_other_has_closed_them(self) -> None:
        _, metrics = self.follow()
        self.reactor.advance(PAUSE)
        assert self.told() == []
        metrics.failing = None
        self.reactor.advance(PAUSE)
        assert self.told() == ["metrics opens", "metrics starts"]
        assert self.reactor.getDelayedCalls() == []

    def test_one_that_cannot_be_opened_is_told(self) -> None:
        self.follow()
        with capturedLogs() as events:
            self.reactor.pump([PAUSE] * ATTEMPTS)
        (why,) = [event["why"] for event in events if "why" in event]
        assert "metrics: another program uses it already" in why
        assert self.reactor.getDelayedCalls() == []

    def test_who_is_stopped_meanwhile_opens_nothing(self) -> None:
        _, metrics = self.follow()
        self.successResultOf(self.server.stopService())
        metrics.failing = None
        self.told()
        self.reactor.advance(PAUSE)
        assert self.told() == []

    def put_signals_back(self) -> None:
        """Restore the current signal handlers after the test."""
        for number in STOPPING:
            self.addCleanup(signal.signal, number, signal.getsignal(number))

    def run_until_running(self) -> None:
        """Start, and run the hooks of a running reactor."""
        self.put_signals_back()
        self.server.startService()
        for hook, args, kwargs in self.reactor.whenRunningHooks:
            hook(*args, **kwargs)
        assert not self.is_stopped()

    def test_a_signal_is_an_orderly_end(self) -> None:
        """contract: 9"""
        for number in (signal.SIGTERM, signal.SIGINT):
            self.setUp()
            self.run_until_running()
            # Python writes a handler out for each caller of `getsignal`, as Twisted for each new process: with all
            # that a server refers to, that took minutes and gigabytes.
            assert len(repr(signal.getsignal(number))) < 200
            signal.raise_signal(number)
            assert self.is_stopped()

    def test_sighup_lets_sessions_end_first(self) -> None:
        self.server.privilegedStartService()
        self.run_until_running()
        self.told()
        signal.raise_signal(signal.SIGHUP)
        draining = ["fleet drains", "systemd hears draining: no new sessions"]
        assert self.told() == [*draining, "the others hear of the drain"]
        assert self.connections.moves_on
        assert not self.is_stopped()
        self.server.on_drained = lambda: self.story.append("what waits for the database may wait")
        self.parts["fleet"].drained.callback(None)
        assert self.is_stopped()
        assert self.told() == ["what waits for the database may wait"]
        for number in STOPPING:
            signal.raise_signal(number)

    def test_a_second_signal_ends_a_drain(self) -> None:
        for number in STOPPING:
            self.setUp()
            self.run_until_running()
            signal.raise_signal(signal.SIGHUP)
            assert not self.is_stopped()
            signal.raise_signal(number)
            self.server.on_drained = lambda: self.story.append("what waits may wait")
            assert self.is_stopped()
            self.parts["fleet"].drained.callback(None)
            assert "what waits may wait" not in self.told()

    def test_a_terminal_that_is_closed_ends_it(self) -> None:
        self.has_terminal = True
        self.run_until_running()
        signal.raise_signal(signal.SIGHUP)
        assert self.is_stopped()

    def test_a_successor_has_the_ports(self) -> None:
        self.server.privilegedStartService()
        self.run_until_running()
        self.told()
        self.server.drain(True)
        assert "port stops" in self.told()
        self.server.drain(True)
        assert self.told() == []
        stopped = self.server.stopService()
        assert "port stops" not in self.told()
        self.successResultOf(stopped)

    def test_a_successor_that_comes_later_has_the_ports_as_well(self) -> None:
        self.server.privilegedStartService()
        self.run_until_running()
        self.server.drain()
        assert "port stops" not in self.told()
        self.server.drain(True)
        assert self.told() == ["port stops"]
        self.server.drain(True)
        assert self.told() == []

    def test_who_takes_over_drains_the_others_when_it_is_up(self) -> None:
        self.server.takes_over = True
        self.run_until_running()
        assert "the others are drained" not in self.told()
        self.parts["host"].up.callback(None)
        assert self.told() == ["the others are drained", "systemd hears ready"]

    def test_further_signals_change_nothing(self) -> None:
        self.run_until_running()
        for number in (*STOPPING, *STOPPING):
            signal.raise_signal(number)
        assert self.is_stopped()

    def test_nohup_is_heeded(self) -> None:
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.run_until_running()
        signal.raise_signal(signal.SIGHUP)
        assert not self.is_stopped()

    def test_the_end_waits_for_the_sessions_and_the_ready_kernels(self) -> None:
        self.server.startService()
        self.parts["fleet"].end = Deferred()
        self.parts["ready"].end = Deferred()
        self.told()
        stopped = self.server.stopService()
        first = ["systemd hears stopping", "host hurries", "ready stops", "fleet stops"]
        assert self.told() == first
        self.parts["fleet"].end.callback(None)
        assert self.told() == ["port stops"]
        self.assertNoResult(stopped)
        self.parts["ready"].end.callback(None)
        assert self.told() == [
            "siblings stops",
            "host stops",
            "sweeping stops",
            "database stops",
        ]
        assert self.successResultOf(stopped) is None
