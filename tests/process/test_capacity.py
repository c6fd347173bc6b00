"""What the machine cannot carry is told with the number that it can."""

from __future__ import annotations

import pytest

from sagecell_tx.process.capacity import DESCRIPTORS, MEMORY, Capacity


@pytest.mark.parametrize(
    ("descriptors", "memory", "numbers"),
    [
        (10 * DESCRIPTORS, 10 * MEMORY, []),
        (10 * DESCRIPTORS, 0, []),  # the memory is not known
        (10 * DESCRIPTORS - 1, 10 * MEMORY, ["for 9: raise LimitNOFILE"]),
        (10 * DESCRIPTORS, 10 * MEMORY - 1, ["for 9 that have just been started"]),
        (-5, 1, ["for 0: raise", "for 0 that"]),
    ],
)
def test_each_resource_that_does_not_suffice(descriptors: int, memory: int, numbers: list[str]):
    told = list(Capacity(descriptors=descriptors, memory=memory).shortfalls(10))
    assert len(told) == len(numbers)
    for sentence, number in zip(told, numbers, strict=True):
        assert sentence.startswith("the limits allow 10 kernels, ")
        assert number in sentence
