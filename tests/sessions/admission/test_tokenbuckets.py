"""A bucket gives a burst, then tokens at its rate, and no bucket is kept for long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.limits import Rate
from sagecell_tx.sessions.admission.tokenbuckets import Buckets

RATE = Rate(burst=3, per_minute=30)  # a token every two seconds

names = st.sampled_from("abc")
#: Seconds between two requests; sixteenths have no rounding.
gaps = st.integers(0, 160).map(lambda number: number / 16)


def test_several_at_a_time() -> None:
    buckets = Buckets(RATE)
    assert buckets.wait("a", 10, 3) == 0
    assert buckets.wait("a", 10, 4) > 0
    buckets.take("a", 10, 2.5)
    assert buckets.wait("a", 10) == 1
    assert buckets.wait("a", 10, 0.5) == 0


def test_a_burst_and_then_one_at_a_time() -> None:
    buckets = Buckets(RATE)
    for _ in range(3):
        assert buckets.wait("a", 10) == 0
        buckets.take("a", 10)
    assert buckets.wait("a", 10) == 2
    assert buckets.wait("a", 11.5) == 0.5
    assert buckets.wait("a", 12) == 0
    buckets.take("a", 12)
    assert buckets.wait("a", 12) == 2


def test_each_name_has_a_bucket_of_its_own() -> None:
    buckets = Buckets(Rate(burst=1, per_minute=1))
    buckets.take("a", 0)
    assert buckets.wait("a", 0) == 60
    assert buckets.wait("b", 0) == 0


def test_no_more_than_a_burst_is_ever_saved_up() -> None:
    buckets = Buckets(RATE)
    for _ in range(3):
        buckets.take("a", 1e6)
    assert buckets.wait("a", 1e6) > 0


@pytest.mark.parametrize(
    "rate", [Rate(burst=0, per_minute=1), Rate(burst=1, per_minute=0), Rate(burst=0, per_minute=0)]
)
def test_nothing_in_either_place_is_no_limit(rate: Rate) -> None:
    buckets = Buckets(rate)
    for _ in range(1000):
        buckets.take("a", 0)
        assert buckets.wait("a", 0) == 0
    assert len(buckets) == 0


def test_names_that_are_not_seen_for_long_are_forgotten() -> None:
    buckets = Buckets(RATE)
    for number in range(100):
        buckets.take(str(number), 0)
    assert len(buckets) == 100
    for number in range(100):
        buckets.take("a", 10 + 2 * number)
    assert len(buckets) == 1


def test_a_flood_of_names_takes_no_more_memory() -> None:
    buckets = Buckets(RATE, most=50)
    for number in range(10_000):
        buckets.take(str(number), 0)
    assert len(buckets) == 50
    assert buckets.wait("9999", 0) == buckets.wait("1", 0) == 0


def test_a_flood_forgets_who_was_seen_least_recently() -> None:
    buckets = Buckets(Rate(burst=1, per_minute=1), most=50)
    for number in range(1000):
        buckets.take("busy", 0)
        buckets.take(str(number), 0)
    assert buckets.wait("busy", 0) > 0


@given(st.lists(st.tuples(names, gaps)), st.integers(1, 5), st.sampled_from([60, 30, 7.5]))
def test_as_another_counts_it(
    steps: list[tuple[str, float]], burst: int, per_minute: float
) -> None:
    """The oracle fills each bucket in steps of a sixteenth of a second."""
    buckets = Buckets(Rate(burst=burst, per_minute=per_minute))
    drop = per_minute / 60 / 16
    tokens = dict.fromkeys("abc", float(burst))
    now = 0.0
    for name, gap in steps:
        now += gap
        for other, level in tokens.items():
            tokens[other] = min(float(burst), level + gap * 16 * drop)
        wait = buckets.wait(name, now)
        assert wait == pytest.approx(max(0.0, (1 - tokens[name]) / drop / 16), abs=1e-4)
        if wait == 0:
            tokens[name] -= 1
            buckets.take(name, now)


@given(st.floats(0, 1e9), st.floats(0.01, 1e6), st.integers(1, 1000))
def test_after_the_wait_there_is_one(start: float, per_minute: float, burst: int) -> None:
    buckets = Buckets(Rate(burst=burst, per_minute=per_minute))
    for _ in range(burst):
        assert buckets.wait("a", start) == 0
        buckets.take("a", start)
    wait = buckets.wait("a", start)
    assert 0 < wait <= 60 / per_minute * 1.001
    assert buckets.wait("a", start + wait) == pytest.approx(0, abs=1e-3)
