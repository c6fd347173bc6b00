"""When slow figures are computed, and for how long at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attrs import define

from sagecell_tx.kernelside.monitor.slowfigures import LONGEST, TURN, Seldom, TurnedCount, TurnOrder


@define
class Clock:
    now: float = 100.0

    def seconds(self) -> float:
        return self.now

    def numbers(self, *numbers: int) -> Iterator[int]:
        """Numbers that take a turn each to find."""
        for number in numbers:
            self.now += TURN * 1.1
            yield number


@pytest.mark.parametrize("pauses", [10, 100])
def test_a_dear_figure_is_taken_seldom(pauses: int):
    clock = Clock()
    seldom = Seldom(clock.seconds, pauses)

    def figure() -> int:
        clock.now += 1
        return int(clock.now)

    first = seldom(figure)
    clock.now += pauses - 1
    assert seldom(figure) == first
    clock.now += 1
    assert seldom(figure) > first


def test_a_sum_is_counted_in_turns_and_seldom():
    clock = Clock()
    count = TurnedCount(clock.seconds)
    count.begin(lambda: clock.numbers(5, 6, 7))
    assert (count.size, count.under_way) == (0, True)
    for size in (5, 11, 18):
        assert not count.go_on()
        assert (count.size, count.under_way) == (size, True)
    assert not count.go_on()
    assert (count.size, count.under_way) == (18, False)

    count.begin(lambda: clock.numbers(1))
    assert not count.under_way
    clock.now += 60
    count.begin(lambda: clock.numbers(1))
    assert not count.go_on()
    assert count.size == 18
    assert not count.go_on()
    assert (count.size, count.under_way) == (1, False)


def test_one_that_is_under_way_is_not_begun_again():
    clock = Clock()
    count = TurnedCount(clock.seconds)
    count.begin(lambda: clock.numbers(5, 6))
    count.go_on()
    count.begin(lambda: clock.numbers(1))
    count.go_on()
    assert count.size == 11


def test_what_takes_too_long_is_told():
    clock = Clock()
    count = TurnedCount(clock.seconds)
    count.begin(lambda: clock.numbers(*range(10**6)))
    while not count.go_on():
        assert clock.now < 100 + LONGEST + 1
    assert clock.now > 100 + LONGEST


def test_who_waits_longest_has_the_next_turn():
    clock = Clock()
    order = TurnOrder(clock.seconds)

    def turns(*waiting: str) -> str:
        had = ""
        for each in order.turns(waiting):
            had += each
            clock.now += TURN * 0.4
        return had

    assert turns("a", "b", "c", "d") == "abc"
    assert turns("a", "b", "c", "d") == "dab"
    assert turns("d", "c", "e") == "ecd"
    assert turns("a", "b") == "ab"  # those who have left are forgotten
    assert turns() == ""


def test_a_turn_that_takes_long_is_the_last_one():
    clock = Clock()
    order = TurnOrder(clock.seconds)
    for first in "abc":
        for each in order.turns("abc"):
            assert each == first
            clock.now += 1
