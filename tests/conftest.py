"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# An example may take its time: how fast a machine is, benchmarks tell.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")
