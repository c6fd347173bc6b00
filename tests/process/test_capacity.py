"""What the machine cannot carry is told with the number that it can."""

from __future__ import annotations

import pytest

from sagecell_tx.process.capacity import DESCRIPTORS, MEMORY, THREADS, Capacity


@pytest.mark.parametrize(
    ("descriptors", "memory", "threads", "numbers"),
    [
        (10 * DESCRIPTORS, 10 * MEMORY, 10 * THREADS, []),
        (10 * DESCRIPTORS, 0, 0, []),  # memory and threads are not known
        (10 * DESCRIPTORS - 1, 10 * MEMORY, 10 * THREADS, ["for 9: raise LimitNOFILE"]),
        (10 * DESCRIPTORS, 10 * MEMORY - 1, 10 * THREADS, ["for 9 that have just been started"]),
        (10 * DESCRIPTORS, 10 * MEMORY, 10 * THREADS - 1, ["for 9: raise TasksMax"]),
        (-5, 1, 1, ["for 0: raise", "for 0: raise", "for 0 that"]),
    ],
)
def test_each_resource_that_does_not_suffice(
    descriptors: int, memory: int, threads: int, numbers: list[str]
):
    capacity = Capacity(descriptors=descriptors, memory=memory, threads=threads)
    told = list(capacity.shortfalls(10))
    assert len(told) == len(numbers)
    for sentence, number in zip(told, numbers, strict=True):
        assert sentence.startswith("the limits allow 10 kernels, ")
        assert number in sentence
