"""As many kernels are wanted as were started in the last minute, within the limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from sagecell_tx.limits import AdmissionLimits
from sagecell_tx.sessions.pool.demand import WINDOW, Demand


def demand(least: int = 1, most: int = 4) -> tuple[Demand, Clock]:
    clock = Clock()
    return Demand(
        limits=AdmissionLimits(min_ready_kernels=least, max_ready_kernels=most), clock=clock
    ), clock


def test_with_nobody_the_least():
    wanted, clock = demand(least=2)
    assert (wanted.wanted, wanted.next_decrease) == (2, None)
    clock.advance(10 * WINDOW)
    assert (wanted.wanted, wanted.next_decrease) == (2, None)


def test_it_grows_with_the_starts_up_to_the_most():
    wanted, _ = demand()
    seen = []
    for _ in range(6):
        wanted.started()
        seen.append(wanted.wanted)
    assert seen == [1, 2, 3, 4, 4, 4]


def test_it_shrinks_as_each_start_is_a_minute_ago():
    wanted, clock = demand()
    for _ in range(3):
        wanted.started()
        clock.advance(10)
    assert (wanted.wanted, wanted.next_decrease) == (3, WINDOW - 30)
    clock.advance(WINDOW - 30)
    assert (wanted.wanted, wanted.next_decrease) == (2, 10)
    clock.advance(10)
    assert (wanted.wanted, wanted.next_decrease) == (1, None)


def test_a_most_of_0_is_0_whatever_the_least():
    wanted, _ = demand(least=3, most=0)
    wanted.started()
    assert (wanted.wanted, wanted.next_decrease) == (0, None)


@given(
    st.integers(0, 5),
    st.integers(0, 5),
    st.lists(st.sampled_from([0.0, 0.5, 7.0, 59.5, WINDOW]), max_size=12),
)
def test_it_counts_the_starts_of_the_last_minute(least, most, pauses):
    wanted, clock = demand(least, most)
    starts = []
    for pause in pauses:
        clock.advance(pause)
        wanted.started()
        starts.append(clock.seconds())
        recent = sum(start > clock.seconds() - WINDOW for start in starts)
        assert wanted.wanted == min(max(recent, least), most)
        falls_in = wanted.next_decrease
        if falls_in is not None:
            before = wanted.wanted
            assert before > least
            clock.advance(falls_in)
            assert wanted.wanted < before
        else:
            clock.advance(WINDOW)
            assert wanted.wanted <= least
