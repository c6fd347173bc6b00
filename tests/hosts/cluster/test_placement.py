"""Which machine starts the next kernel."""

from __future__ import annotations

from collections import Counter

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.hosts.cluster.placement import SCARCE, Candidate, choose, suffices, weakest


def placed(candidates: list[Candidate], count: int) -> Counter[str]:
    """The kernels of each machine after so many starts."""
    machines = {each.name: each for each in candidates}
    for _ in range(count):
        name = choose(machines.values())
        if name is None:
            break
        machines[name] = evolve(machines[name], live=machines[name].live + 1)
    return Counter({name: each.live for name, each in machines.items()})


@given(st.integers(1, 6), st.integers(1, 20), st.integers(0, 150), st.lists(st.integers(0, 2**40)))
def test_equal_machines_have_equally_many(machines: int, capacity: int, count: int, memory):
    candidates = [
        Candidate(name=f"m{n}", capacity=capacity, live=0, memory=SCARCE + sum(memory[n:]))
        for n in range(machines)
    ]
    counts = placed(candidates, count)
    assert sum(counts.values()) == min(count, machines * capacity)
    assert max(counts.values()) - min(counts.values()) <= 1


def test_a_larger_machine_has_more():
    small, large = (
        Candidate(name=name, capacity=capacity, live=0) for name, capacity in (("a", 10), ("b", 30))
    )
    assert placed([small, large], 20) == {"a": 5, "b": 15}


def test_kernels_of_other_web_processes_count():
    busy = Candidate(name="a", capacity=10, live=0, others=6)
    free = Candidate(name="b", capacity=10, live=0)
    assert placed([busy, free], 6) == {"a": 0, "b": 6}
    assert placed([busy], 10) == {"a": 4}
    assert evolve(busy, others=12).places == 0


def test_a_machine_with_little_memory_comes_last():
    poor = Candidate(name="a", capacity=10, live=0, memory=SCARCE - 1)
    rich = Candidate(name="b", capacity=2, live=1, memory=SCARCE)
    assert placed([poor, rich], 1) == {"a": 0, "b": 2}
    assert placed([poor, rich], 2) == {"a": 1, "b": 2}


def test_a_machine_that_is_failing_comes_last():
    failing = Candidate(name="a", capacity=10, live=0, failing=True)
    poor = Candidate(name="b", capacity=2, live=1, memory=SCARCE - 1)
    assert placed([failing, poor], 1) == {"a": 0, "b": 2}
    assert placed([failing, poor], 2) == {"a": 1, "b": 2}


def test_no_machine_or_none_with_room():
    assert choose([]) is None
    assert choose([Candidate(name="a", capacity=0, live=0)]) is None


def test_levels_of_confinement():
    assert weakest(["namespaces", "account", "namespaces"]) == "account"
    assert weakest(["namespaces", "none"]) == "none"
    assert weakest([]) == "none"
    assert weakest(["namespaces", "invented"]) == "invented"
    for level, required, enough in (
        ("none", "auto", True),
        ("namespaces", "account", True),
        ("account", "account", True),
        ("none", "account", False),
        ("account", "namespaces", False),
        ("invented", "none", False),
    ):
        assert suffices(level, required) is enough
