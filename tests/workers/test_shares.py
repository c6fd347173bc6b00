"""The parts of all workers are about the whole, and never nothing."""

from __future__ import annotations

import attrs
import pytest

from sagecell_tx.limits import AdmissionLimits, Limits, Rate, RequestLimits
from sagecell_tx.workers.shares import SHARED, share


def test_what_each_counts_is_divided() -> None:
    requests = RequestLimits(
        connections_per_address=500, permalinks_per_address=Rate(burst=60, per_minute=30)
    )
    part = share(Limits(requests=requests), 1, 4)
    assert part.requests.connections_per_address == 125
    assert part.requests.permalinks_per_address == Rate(burst=15, per_minute=7.5)
    assert part.admission.kernels == AdmissionLimits().kernels


@pytest.mark.parametrize("count", [2, 3, 16])
def test_ready_kernels_are_exactly_as_many(count: int) -> None:
    limits = Limits(admission=AdmissionLimits(min_ready_kernels=1, max_ready_kernels=8))
    parts = [share(limits, index, count).admission for index in range(1, count + 1)]
    assert sum(part.min_ready_kernels for part in parts) == 1
    assert sum(part.max_ready_kernels for part in parts) == 8
    assert all(part.min_ready_kernels <= part.max_ready_kernels for part in parts)


def test_no_limit_stays_none_and_a_small_one_is_no_zero() -> None:
    requests = RequestLimits(
        connections_per_address=0,
        permalinks_per_address=Rate(burst=0, per_minute=0),
        permalinks_per_key=Rate(burst=1, per_minute=1),
    )
    part = share(Limits(requests=requests), 16, 16).requests
    assert part.connections_per_address == 0
    assert part.permalinks_per_address == Rate(burst=0, per_minute=0)
    assert part.permalinks_per_key.burst == 1


def test_the_table_names_limits() -> None:
    for table, names in SHARED.items():
        fields = attrs.fields_dict(type(getattr(Limits(), table)))
        assert set(names) <= set(fields)
