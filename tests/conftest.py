"""Settings of all tests."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator

import pytest
from hypothesis import settings

from tests.examples import FAST, FULL

# No deadlines: an example may take any time; speed is for benchmarks.
# ``--hypothesis-profile=full`` runs all examples even if CI is not set.
settings.register_profile("full", max_examples=FULL, deadline=None)
settings.register_profile("fast", max_examples=FAST, deadline=None)
settings.load_profile("full" if os.environ.get("CI") else "fast")

# A script's background job ignores Ctrl-C, and so would the servers that tests start and end by it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Freeze imported objects: the garbage collector need not traverse them again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
