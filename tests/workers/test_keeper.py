"""The keeper is up when all workers are, ends when they have, and gives up when none can start."""

from __future__ import annotations

from typing import Any, cast

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.http.connections.accepting import ListeningPorts
from sagecell_tx.http.connections.refusing import Refusals
from sagecell_tx.limits import AdmissionLimits
from sagecell_tx.process.logs import LogWriter
from sagecell_tx.sessions.admission.places import Place, place_pools
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor
from sagecell_tx.workers.keeper import GATHERING, OVERDUE, TURN, Keeper
from tests.test_server import Part, Reactor


@define(eq=False)
class KeptWorker:
    """A worker that records what it is told."""

    story: list[str]
    name: str
    node: str = field(init=False)
    is_up: bool = False
    was_up: bool = False
    is_alive: bool = True
    stopped: Deferred[None] = field(factory=Deferred)

    def __attrs_post_init__(self) -> None:
        self.node = self.name

    def start(self) -> None:
        self.story.append(f"{self.name} starts")

    def stop(self) -> Deferred[None]:
        self.story.append(f"{self.name} stops")
        return self.stopped

    def drain(self) -> None:
        self.story.append(f"{self.name} drains")

    def restart_later(self) -> None:
        self.story.append(f"{self.name} restarts")

    def tell_wanted(self, count: int) -> None:
        self.story.append(f"{self.name} makes room for {count}")


class KeeperTests(SynchronousTestCase):
    def tearDown(self) -> None:
        if self.keeper.running:
            self.keeper.stopService()
        assert self.reactor.getDelayedCalls() == []

    def setUp(self) -> None:
        self.story: list[str] = []
        self.reactor = Reactor()
        self.has_terminal = False
        self.pools = place_pools(AdmissionLimits(kernels=1, service_kernels=1), Clock())
        self.parts = {name: Part(name, self.story) for name in ("database", "notifier", "control")}
        self.keeper = Keeper(
            reactor=self.reactor,
            database=cast(Any, self.parts["database"]),
            listening=cast(Any, [Part("port", self.story)]),
            ports=ListeningPorts(
                clock=self.reactor, limit=lambda: 1000, refusals=Refusals(clock=self.reactor)
            ),
            notifier=cast(Any, self.parts["notifier"]),
            pools=self.pools,
            lock=cast(Any, self),
            drain_seconds=300,
            fail=lambda: self.story.append("fails"),
            has_terminal=lambda: self.has_terminal,
        )
        self.keeper.control = cast(Any, self.parts["control"])
        self.workers = [KeptWorker(self.story, name) for name in ("one", "two")]
        self.keeper.workers = cast(Any, self.workers)
        self.keeper.privilegedStartService()
        self.keeper.startService()

    # --- the lock

    def open(self) -> None:
        self.story.append("is claimed")

    def close(self) -> None:
        self.story.append("is free")

    def told(self) -> list[str]:
        """What has been recorded since the last call."""
        story, self.story[:] = list(self.story), []
        return story

    def come_up(self) -> None:
        for worker in self.workers:
            worker.is_up = worker.was_up = True
            self.keeper.came_up()

    def end(self, number: int, failed: bool = False) -> None:
        worker = self.workers[number]
        worker.is_alive = worker.is_up = False
        self.keeper.has_ended(cast(Any, worker), failed)

    def test_it_is_ready_once_when_all_are_up(self) -> None:
        assert self.told() == [
            "port opens",
            "is claimed",
            "database starts",
            "control starts",
            "one starts",
            "two starts",
            "port starts",
        ]
        self.workers[0].is_up = True
        self.keeper.came_up()
        assert self.told() == []
        self.come_up()
        self.come_up()
        assert self.told() == ["systemd hears ready"]

    def test_one_that_never_comes_up_does_not_hold_the_others_for_ever(self) -> None:
        self.told()
        for _ in range(2):  # it is up again
            self.workers[0].is_up = True
            self.keeper.came_up()
        self.reactor.advance(GATHERING - 1)
        before = self.told()
        with capturedLogs() as events:
            self.reactor.advance(1)
        assert (before, self.told()) == ([], ["systemd hears ready"])
        assert [event["missing"] for event in events if "missing" in event] == [["two"]]
        self.come_up()
        assert self.told() == []

    def test_if_none_is_up_then_the_next_one_is_waited_for(self) -> None:
        self.told()
        self.workers[0].is_up = True
        self.keeper.came_up()
        self.workers[0].is_up = False
        self.reactor.advance(GATHERING)
        assert self.told() == []
        self.come_up()
        assert self.told() == ["systemd hears ready"]

    def test_one_that_does_not_end_does_not_hold_a_drain(self) -> None:
        self.come_up()
        self.keeper.drain()
        self.end(0)
        self.reactor.advance(300)
        before = self.reactor.stopped
        with capturedLogs() as events:
            self.reactor.advance(OVERDUE)
        assert (before, self.reactor.stopped, len(events)) == (False, True, 1)

    def test_one_that_ends_is_started_again(self) -> None:
        self.come_up()
        self.told()
        self.end(1)
        self.end(1, failed=True)
        assert self.told() == ["two restarts", "two restarts"]
        assert not self.reactor.stopped

    def test_if_none_has_ever_been_up_it_gives_up(self) -> None:
        self.told()
        self.end(0)  # by a signal, perhaps
        with capturedLogs() as events:
            self.end(1, failed=True)
        assert self.told() == ["one restarts", "fails"]
        assert len(events) == 1
        assert self.reactor.stopped

    def test_it_stops_when_all_have(self) -> None:
        self.told()
        stopped = self.keeper.stopService()
        assert self.told() == ["systemd hears stopping", "one stops", "two stops"]
        self.workers[0].stopped.callback(None)
        self.assertNoResult(stopped)
        self.workers[1].stopped.callback(None)
        self.successResultOf(stopped)
        assert self.told() == ["port stops", "control stops", "is free", "database stops"]

    def test_it_drains_all_once_and_ends_when_they_have(self) -> None:
        self.come_up()
        self.told()
        seconds = [self.keeper.draining]
        for _ in range(2):
            self.keeper.drain()
        assert self.told() == [
            "systemd hears draining: no new sessions",
            "one drains",
            "two drains",
        ]
        self.reactor.advance(10)
        assert [*seconds, self.keeper.draining] == [None, 290]
        self.end(0)
        seen = [self.reactor.stopped]
        self.end(1)
        assert self.told() == []
        assert [*seen, self.reactor.stopped] == [False, True]

    def test_a_hangup_drains_and_a_second_one_stops(self) -> None:
        seen = []
        for _ in range(2):
            self.keeper._hung_up()
            seen.append((self.keeper.draining, self.reactor.stopped))
        assert seen == [(300, False), (300, True)]

    def test_a_terminal_that_is_closed_stops_it(self) -> None:
        self.has_terminal = True
        self.keeper._hung_up()
        assert (self.keeper.draining, self.reactor.stopped) == (None, True)

    def test_workers_are_told_by_turns_how_many_kernels_should_make_room(self) -> None:
        """Each that is told ends one: for one visitor, no more than one should."""
        self.told()
        pool = self.pools[Purpose.KERNEL]
        asked: list[Deferred[Place]] = [
            pool.admit(Visitor(), patience=60, on_moved=lambda _: None) for _ in range(4)
        ]
        for _ in range(2):
            self.keeper.look()
        assert self.told() == ["one makes room for 2", "two makes room for 1"]
        self.reactor.advance(TURN)
        assert self.told() == ["one makes room for 1", "two makes room for 2"]
        assert len(self.keeper) == 1
        for each in asked:
            self.successResultOf(each).release()
        self.keeper.look()
        assert self.told() == ["one makes room for 0", "two makes room for 0"]
        self.reactor.advance(TURN)
        assert self.told() == []
        assert len(self.keeper) == 0

    def test_it_writes_its_workers_logs(self) -> None:
        self.keeper.relay("nobody has a log yet")
        lines: list[str] = []
        self.keeper.log_observer = LogWriter(write=lines.append)
        self.keeper.relay("a line")
        assert lines == ["a line\n"]
