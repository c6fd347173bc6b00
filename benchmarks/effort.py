"""How much work one turn of a peer is, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

#: Figures by the key of their row in the table.
Figures = Mapping[str, list[float]]


@frozen(kw_only=True)
class Effort:
    """The amount of work in one turn of a peer."""

    starts: int
    trips: int
    displays: int
    kernels: int
    sessions: int
    many_sessions: int
    burst: int
    idle_kernels: int


FULL = Effort(
    starts=3,
    trips=100,
    displays=5000,
    kernels=8,
    sessions=50,
    many_sessions=200,
    burst=50_000,
    idle_kernels=200,
)
QUICK = Effort(
    starts=1,
    trips=30,
    displays=1000,
    kernels=3,
    sessions=50,
    many_sessions=200,
    burst=10_000,
    idle_kernels=40,
)
