"""Fork servers that come and go, in memory."""

from __future__ import annotations

import os

import pytest

from sagecell_tx.hosts.forkservers import LONGEST_WAIT, PATIENCE, SOUND, ForkServers
from tests.hosts.doubles import ProcessReactor


class Told:
    """What the host is told."""

    def __init__(self, *, spare: bool) -> None:
        self.reactor = ProcessReactor()
        self.ups: list[dict] = []
        self.events: list[dict] = []
        self.losses: list[object] = []
        self.servers = ForkServers(
            reactor=self.reactor,
            spare=spare,
            came_up=self.ups.append,
            event=self.events.append,
            lost=lambda: self.losses.append(None),
        )
        self.servers.start(["fork-server"])

    def ready(self, number: int) -> None:
        self.reactor.processes[number].say(event="ready", seconds=1, pid=number)

    @property
    def count(self) -> int:
        return len(self.reactor.processes)

    def close(self) -> None:
        self.servers.stop()
        for process in self.reactor.processes:
            process.close()


@pytest.fixture
def alone():
    told = Told(spare=False)
    yield told
    told.close()


@pytest.fixture
def pair():
    told = Told(spare=True)
    yield told
    told.close()


def test_without_a_spare_there_is_one(alone):
    alone.ready(0)
    alone.reactor.advance(60)
    assert (alone.count, len(alone.ups)) == (1, 1)


def test_the_spare_is_loaded_once_the_first_is_at_work(pair):
    assert pair.count == 1
    pair.ready(0)
    assert pair.count == 2
    pair.ready(1)
    assert [line["pid"] for line in pair.ups] == [0]
    pair.servers.tell(op="x")
    assert [len(process.lines()) for process in pair.reactor.processes] == [1, 0]


def test_the_spare_takes_over_in_the_same_moment(pair):
    pair.ready(0)
    pair.ready(1)
    pair.reactor.processes[0].end(status=1)
    assert len(pair.losses) == 1
    assert [line["pid"] for line in pair.ups] == [0, 1]
    pair.servers.tell(op="x")
    assert pair.reactor.processes[1].lines() == [{"op": "x"}]
    pair.reactor.advance(1)
    assert pair.count == 3


def test_a_spare_that_is_still_loading_takes_over_when_it_is_up(pair):
    pair.ready(0)
    pair.reactor.processes[0].end(status=1)
    pair.reactor.advance(1)
    assert (pair.count, len(pair.ups)) == (2, 1)
    pair.ready(1)
    assert (pair.count, len(pair.ups)) == (3, 2)


def test_the_end_of_the_spare_is_nobodys_loss(pair):
    pair.ready(0)
    pair.reactor.processes[1].end(status=1)
    assert pair.losses == []
    pair.reactor.advance(1)
    assert pair.count == 3
    pair.ready(2)
    pair.reactor.processes[0].end(status=1)
    assert [line["pid"] for line in pair.ups] == [0, 2]


def test_only_the_one_at_work_is_heard(pair):
    pair.ready(0)
    for process in pair.reactor.processes:
        process.say(event="exited", id="x")
    assert len(pair.events) == 1


def test_readiness_is_told_once_for_each(pair):
    pair.ready(0)
    pair.ready(0)
    assert (len(pair.ups), len(pair.events)) == (1, 1)


def test_a_sound_one_is_replaced_at_once(alone):
    alone.ready(0)
    alone.reactor.advance(SOUND)
    alone.reactor.processes[0].end(status=1)
    alone.reactor.advance(0)
    assert alone.count == 2


def test_one_that_keeps_dying_is_tried_less_and_less_often(alone):
    waits = []
    for _ in range(14):
        before, count = alone.reactor.seconds(), alone.count
        alone.reactor.processes[-1].end(status=1)
        while alone.count == count:
            alone.reactor.advance(0.05)
        waits.append(alone.reactor.seconds() - before)
    assert waits[0] <= 1.0
    assert sorted(map(int, waits)) == list(map(int, waits))
    assert waits[-1] > LONGEST_WAIT - 1


@pytest.mark.parametrize("spare", [False, True])
def test_stopping_closes_the_pipes_and_waits_for_the_ends(spare):
    told = Told(spare=spare)
    told.ready(0)
    stopped: list[object] = []
    told.servers.stop().addCallback(stopped.append)
    assert all(process.stdin_closed for process in told.reactor.processes)
    for process in told.reactor.processes:
        assert stopped == []
        process.end()
    assert stopped == [None]
    told.reactor.advance(60)
    assert told.count == 1 + spare
    assert told.reactor.getDelayedCalls() == []
    for process in told.reactor.processes:
        process.close()


def test_one_that_cannot_be_started_is_tried_again(pair):
    pair.ready(0)
    pair.reactor.failing = True
    pair.reactor.processes[1].end(status=1)
    pair.reactor.advance(1)
    pair.reactor.processes[0].end(status=1)
    pair.reactor.advance(1)
    assert (pair.count, len(pair.losses)) == (2, 1)
    descriptor = os.open(os.devnull, os.O_RDONLY)
    pair.servers.tell([descriptor], op="start")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    pair.reactor.failing = False
    pair.reactor.advance(LONGEST_WAIT)
    assert pair.count == 3
    pair.ready(2)
    assert (pair.count, len(pair.ups)) == (4, 2)


def test_one_that_is_missing_does_not_wait_for_a_spare_that_could_not_be_started(pair):
    pair.reactor.failing = True
    pair.ready(0)
    pair.reactor.failing = False
    pair.reactor.advance(1)
    assert pair.count == 1
    pair.reactor.processes[0].end(status=1)
    pair.reactor.advance(1)
    assert pair.count == 2


def test_one_that_does_not_stop_is_killed(pair):
    pair.ready(0)
    stopped: list[object] = []
    pair.servers.stop().addCallback(stopped.append)
    pair.reactor.processes[0].end()
    pair.reactor.advance(PATIENCE)
    assert pair.reactor.processes[1].signals == ["KILL"]
    pair.reactor.processes[1].end(status=1)
    assert stopped == [None]


def test_stopping_between_two(alone):
    alone.reactor.processes[0].end(status=1)
    stopped: list[object] = []
    alone.servers.stop().addCallback(stopped.append)
    assert stopped == [None]
    alone.reactor.advance(60)
    assert alone.count == 1
