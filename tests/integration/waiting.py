"""Waiting for events in another process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

#: Never set: waiting for it yields the processor for a moment.
_MOMENT = threading.Event()


def until(happened: Callable[[], bool], *, seconds: float = 60.0) -> None:
    """Return when `happened` is true; fails if it is not after `seconds`."""
    deadline = monotonic() + seconds
    while not happened():
        assert monotonic() < deadline, f"not within {seconds} s: {happened}"
        _MOMENT.wait(0.02)


def pause(seconds: float) -> None:
    """Do nothing for a while, as a client may; not for waiting for an event."""
    _MOMENT.wait(seconds)
