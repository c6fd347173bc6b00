"""Fork servers that start and end, in memory."""

from __future__ import annotations

import os

import pytest
from twisted.logger import LogLevel, capturedLogs

from sagecell_tx.hosts.forked.supervisor import (
    LOADING,
    LONGEST_WAIT,
    PATIENCE,
    QUESTIONS,
    SOUND,
    ForkServers,
)
from tests.hosts.doubles import ProcessReactor

#: How long a fork server may be silent, in seconds.
PATIENT = 15.0


class Told:
    """The calls that the host gets."""

    def __init__(self, *, spare: bool) -> None:
        self.reactor = ProcessReactor()
        self.ups: list[dict] = []
        self.events: list[dict] = []
        self.losses: list[object] = []
        self.memory = 800  # bytes that are available on the machine
        self.servers = ForkServers(
            reactor=self.reactor,
            spare=spare,
            available=lambda: self.memory,
            patience=PATIENT,
            came_up=self.ups.append,
            event=self.events.append,
            lost=lambda: self.losses.append(None),
        )
        self.servers.start(["fork-server"])

    def ready(self, number: int) -> None:
        self.reactor.processes[number].say(event="ready", seconds=1, pid=number, memory=100)

    def pass_time(self, seconds: float, answering: tuple[int, ...] = ()) -> None:
        """Advance the clock in small steps; the processes `answering` send pongs at each."""
        for _ in range(int(seconds)):
            self.reactor.advance(1)
            for number in answering:
                self.reactor.processes[number].say(event="pong")

    @property
    def killed(self) -> list[int]:
        """The numbers of the processes that were killed."""
        return [n for n, process in enumerate(self.reactor.processes) if process.signals]

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
    pair.servers.send_command(op="x")
    assert [process.lines() for process in pair.reactor.processes] == [[{"op": "x"}], []]


def test_no_spare_takes_more_than_its_share_of_the_memory(pair):
    pair.memory = 799
    with capturedLogs() as events:
        pair.ready(0)
    assert pair.count == 1
    assert "no spare fork server" in events[-1]["log_format"]
    pair.memory = 800
    pair.reactor.processes[0].end(status=1)
    pair.reactor.advance(1)
    pair.ready(1)
    assert pair.count == 3


def test_the_spare_takes_over_in_the_same_moment(pair):
    pair.ready(0)
    pair.ready(1)
    pair.reactor.processes[0].end(status=1)
    assert len(pair.losses) == 1
    assert [line["pid"] for line in pair.ups] == [0, 1]
    pair.servers.send_command(op="x")
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
    pair.servers.send_command([descriptor], op="start")
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


def test_those_that_answer_are_left_alone(pair):
    pair.ready(0)
    pair.ready(1)
    pair.pass_time(4 * PATIENT, answering=(0, 1))
    assert (pair.killed, pair.events) == ([], [])
    asked = [line for line in pair.reactor.processes[1].lines() if line == {"op": "ping"}]
    assert len(asked) == 4 * QUESTIONS


def test_no_other_word_is_an_answer(alone):
    """Its monitor may hang while it goes on forking."""
    alone.ready(0)
    alone.pass_time(PATIENT - 1)
    alone.reactor.processes[0].say(event="exited", id="x")
    alone.pass_time(PATIENT)
    assert alone.killed == [0]


def test_the_one_that_hangs_is_killed_and_the_spare_takes_over(pair):
    pair.ready(0)
    pair.ready(1)
    with capturedLogs() as events:
        pair.pass_time(PATIENT + 2 * PATIENT / QUESTIONS, answering=(1,))
    assert pair.killed == [0]
    (said,) = [event for event in events if event["log_level"] == LogLevel.error]
    assert (said["log_format"], said["wait"]) == (
        "a fork server has not answered for {wait} s: killed",
        PATIENT,
    )
    pair.reactor.processes[0].end(status=1)
    assert [line["pid"] for line in pair.ups] == [0, 1]


def test_a_spare_that_hangs_is_killed_and_another_is_loaded(pair):
    pair.ready(0)
    pair.ready(1)
    pair.pass_time(PATIENT + 2 * PATIENT / QUESTIONS, answering=(0,))
    assert pair.killed == [1]
    pair.reactor.processes[1].end(status=1)
    pair.pass_time(1, answering=(0,))
    assert (pair.count, pair.losses) == (3, [])


def test_one_that_never_comes_up_has_longer(alone):
    alone.pass_time(LOADING)
    assert alone.killed == []
    alone.pass_time(2 * PATIENT)
    assert alone.killed == [0]


def test_when_everything_stood_still_everybody_has_as_long_again(pair):
    """The web process was busy, or the machine was suspended: answers may be unread."""
    pair.ready(0)
    pair.ready(1)
    pair.pass_time(PATIENT - 1)
    pair.reactor.advance(3600)
    pair.pass_time(PATIENT - 1)
    assert pair.killed == []
    pair.pass_time(2 * PATIENT / QUESTIONS + 1)
    assert pair.killed == [0, 1]
