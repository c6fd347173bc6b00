"""How many Hypothesis examples a costly test takes."""

from __future__ import annotations

from hypothesis import settings

#: The examples of a test that does not say how many, with the full profile.
FULL = 100

#: And with the fast one.
FAST = 20


def at_most(count: int) -> int:
    """`count` with the full profile; with the fast one, the same share of it as other tests take."""
    return max(1, count * min(settings().max_examples, FULL) // FULL)
