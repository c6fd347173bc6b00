"""Waiting for what happens in another process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

#: Nobody ever sets it: waiting on it is giving the processor to others for a moment.
_MOMENT = threading.Event()


def until(happened: Callable[[], bool], *, seconds: float = 60.0) -> None:
    """Return when `happened` says so; fail when it has not by then."""
    deadline = monotonic() + seconds
    while not happened():
        assert monotonic() < deadline, f"not within {seconds} s: {happened}"
        _MOMENT.wait(0.02)


def pause(seconds: float) -> None:
    """Do nothing for a while, as a client may; never a way to wait for something."""
    _MOMENT.wait(seconds)
