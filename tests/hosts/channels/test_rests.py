"""Rests between two reads of a stream, whose kernel the test plays."""

from __future__ import annotations

from twisted.internet.task import Clock

from sagecell_tx.hosts.channels.rests import MUCH, PROMPT, REST, RequestCount, Rests
from tests.hosts.cluster.doubles import Side


class Bench:
    def __init__(self) -> None:
        self.clock, self.stream, self.requests = Clock(), Side(), RequestCount()
        self.rests = Rests(self.clock, self.stream, self.requests)

    def read(self, length: int = 100) -> bool:
        """Read so many bytes; returns whether no rest follows."""
        self.rests.read(length)
        return not self.stream.unread_for

    def exhaust(self) -> None:
        """Read until a rest follows, and let it pass."""
        while self.read():
            pass
        self.clock.advance(REST)


def test_what_comes_soon_after_a_request_is_read_at_once():
    bench = Bench()
    assert [bench.read() for _ in range(PROMPT + 1)] == [True] * PROMPT + [False]


def test_a_rest_is_over_by_itself():
    bench = Bench()
    bench.exhaust()
    assert bench.stream.unread_for == set()
    assert not bench.read()


def test_after_another_request_it_is_read_at_once_again():
    bench = Bench()
    bench.exhaust()
    bench.requests.count += 1
    assert [bench.read() for _ in range(PROMPT + 1)] == [True] * PROMPT + [False]


def test_there_is_no_rest_in_what_is_long():
    bench = Bench()
    bench.exhaust()
    assert bench.read(MUCH)
    assert bench.read()
    assert not bench.read()


def test_stopped_while_it_rests():
    bench = Bench()
    bench.exhaust()
    bench.read()
    bench.rests.stop()
    bench.rests.stop()
    assert bench.clock.getDelayedCalls() == []
