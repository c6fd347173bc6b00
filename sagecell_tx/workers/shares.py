"""The limits of one worker: of what each process counts for itself, it has an equal part."""

from __future__ import annotations

from typing import Any

import attrs

from sagecell_tx.limits import Limits, Rate

#: What each worker counts for itself, by table. The keeper counts places and starts, and the database what is stored.
SHARED = {
    "admission": ("starting_kernels", "min_ready_kernels", "max_ready_kernels"),
    "lifetime": ("retained_sessions", "retained_bytes"),
    "messages": ("waiting_bytes",),
    "sockjs": ("connections", "connections_per_address"),
    "files": (
        "stored_bytes_per_address",
        "stored_bytes_per_network",
        "stored_bytes_per_key",
        "waiting_bytes",
    ),
    "requests": (
        "unread_answer_bytes",
        "kept_answer_bytes",
        "connections_per_address",
        "permalinks_per_address",
        "permalinks_per_network",
        "permalinks_per_key",
        "run_permalinks_per_address",
        "run_permalinks_per_network",
        "run_permalinks_per_key",
    ),
}

#: Of these, the parts of all workers are exactly the whole, even if some have none.
_EXACT = ("min_ready_kernels", "max_ready_kernels")


def share(limits: Limits, index: int, count: int) -> Limits:
    """The limits of the worker number `index`, from 1 up, of `count`."""
    tables: dict[str, Any] = {}
    for table, names in SHARED.items():
        whole = getattr(limits, table)
        parts = {name: _part(name, getattr(whole, name), index, count) for name in names}
        tables[table] = attrs.evolve(whole, **parts)
    return attrs.evolve(limits, **tables)


def _part(name: str, whole: int | Rate, index: int, count: int) -> int | Rate:
    if isinstance(whole, Rate):
        return Rate(burst=_at_least_one(whole.burst, count), per_minute=whole.per_minute / count)
    if name in _EXACT:
        return whole // count + (index <= whole % count)
    return _at_least_one(whole, count)


def _at_least_one(whole: int, count: int) -> int:
    """A part, rounded up; 0, which often stands for no limit, stays."""
    return -(-whole // count)
