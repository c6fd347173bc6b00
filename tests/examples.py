"""The number of Hypothesis examples of expensive tests."""

from __future__ import annotations

from hypothesis import settings

#: Examples of a test without its own number, with the full profile.
FULL = 100

#: The same with the fast profile.
FAST = 20


def at_most(count: int) -> int:
    """`count` with the full profile; with the fast one, the same share of it as other tests run."""
    return max(1, count * min(settings().max_examples, FULL) // FULL)
