"""Times are UTC to the microsecond, whatever the clock and the zone."""

from __future__ import annotations

from twisted.internet.task import Clock

from sagecell_tx.http.jupyter.models import Models


def test_a_time_of_the_clock() -> None:
    clock = Clock()
    clock.advance(100.5)
    for now in ("2026-11-29T00:59:32.5+01:00", "2026-11-28T23:59:32.500000+00:00"):
        models = Models(clock=clock, now=lambda now=now: now)  # type: ignore[misc]
        assert models.time(100.5) == "2026-11-28T23:59:32.500000Z"
        assert models.time(0.0) == "2026-11-28T23:57:52.000000Z"
