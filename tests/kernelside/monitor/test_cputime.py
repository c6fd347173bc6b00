"""The processor time of changing process trees, computed from figures."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.kernelside.monitor.cputime import CpuTime
from sagecell_tx.kernelside.system.processtable import Process


def process(
    pid: int, own: float, waited: float = 0.0, *, born: float = 0.0, running: bool = False
) -> Process:
    return Process(
        pid=pid,
        thread=pid,
        parent=1,
        session=1,
        running=running,
        faults=0,
        own=own,
        waited=waited,
        threads=1,
        born=born,
        resident=0,
    )


def test_what_all_have_used():
    time = CpuTime(cores=2)
    assert time.update([process(1, 2.0), process(2, 1.0, 0.5)], 10.0) == 3.5


def test_who_is_gone_has_used_what_it_had():
    time = CpuTime(cores=2)
    time.update([process(1, 1.0), process(2, 5.0)], 10.0)
    assert time.update([process(1, 3.0)], 10.5) == 8.0
    assert time.update([process(1, 3.0)], 11.0) == 8.0


def test_what_a_parent_took_in_counts_once():
    time = CpuTime(cores=2)
    time.update([process(1, 1.0), process(2, 5.0)], 10.0)
    # It used a little more after it was last seen.
    assert time.update([process(1, 1.0, 5.25)], 10.5) == 6.25


def test_two_that_are_gone_of_which_one_was_waited_for():
    time = CpuTime(cores=2)
    time.update([process(1, 1.0), process(2, 5.0), process(3, 4.0)], 10.0)
    assert time.update([process(1, 1.0, 4.0)], 10.5) == 10.0


def test_a_pid_that_is_used_again_is_another_process():
    time = CpuTime(cores=2)
    time.update([process(1, 0.0), process(2, 5.0, born=1.0)], 10.0)
    assert time.update([process(1, 0.0), process(2, 0.0, born=10.2)], 10.5) == 5.0


def test_a_new_one_that_runs_stands_for_its_likes():
    # Always one of 0.1 s, and nobody waits for them; each is seen in the middle.
    time = CpuTime(cores=2)
    taken = [
        time.update(
            [process(1, 0.0), process(100 + n, 0.05, born=n / 2 - 0.05, running=True)], n / 2
        )
        for n in range(1, 41)
    ]
    assert 17 < taken[-1] < 21


def test_likes_that_are_waited_for_count_once():
    time = CpuTime(cores=2)
    taken = [
        time.update(
            [process(1, 0.0, n / 2), process(100 + n, 0.05, born=n / 2 - 0.05, running=True)], n / 2
        )
        for n in range(1, 41)
    ]
    assert 20 <= taken[-1] < 21


def test_one_that_waits_for_the_processor_does_not_stand_for_what_it_had_not():
    time = CpuTime(cores=2)
    time.update([process(1, 0.0)], 10.0)
    assert time.update([process(1, 0.0), process(2, 0.0, born=10.1, running=True)], 10.5) == 0.0


def test_no_more_than_the_machine_has():
    time = CpuTime(cores=2)
    time.update([process(1, 0.0)], 10.0)
    many = [process(n, 0.25, born=10.25, running=True) for n in range(2, 50)]
    assert time.update([process(1, 0.0), *many], 10.5) <= len(many) * 0.25 + 2 * 0.5


@given(st.lists(st.lists(st.tuples(st.integers(1, 5), st.floats(0, 100)), max_size=5), max_size=10))
def test_it_never_goes_back(looks):
    time, before = CpuTime(cores=2), 0.0
    for number, tree in enumerate(looks):
        taken = time.update([process(pid, own) for pid, own in tree], float(number))
        assert taken >= before
        before = taken
