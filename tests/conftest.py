"""What holds for all tests."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator

import pytest
from hypothesis import settings

from tests.examples import FAST, FULL

# No deadlines: an example may take its time, how fast a machine is, benchmarks tell.
# ``--hypothesis-profile=full`` takes all examples where CI is not set.
settings.register_profile("full", max_examples=FULL, deadline=None)
settings.register_profile("fast", max_examples=FAST, deadline=None)
settings.load_profile("full" if os.environ.get("CI") else "fast")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported now stays: the collector need not walk through it again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
