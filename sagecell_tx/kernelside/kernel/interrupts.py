"""SIGINT raises KeyboardInterrupt where a visitor's code runs, and waits where ours does.

ipykernel lets it raise from the request's arrival on. One that comes a moment too early or
too late then takes the reply with it, and a client waits for ever.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Interrupts:
    """What SIGINT does in the main thread of a kernel."""

    def __init__(self) -> None:
        self._waiting = False

    def hold(self) -> None:
        """From now on, an interrupt waits for the next visitor's code that runs."""
        self._waiting = False
        signal.signal(signal.SIGINT, self._note)

    def ignore(self) -> None:
        """From now on, nothing happens: no visitor's code will run."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._waiting = False

    def run(self, code: Callable[[], T], interrupted: Callable[[], T]) -> T:
        """Run `code`, which an interrupt breaks; then, or if one waits, `interrupted`."""
        before = signal.getsignal(signal.SIGINT)
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if self._waiting:
                raise KeyboardInterrupt
            return code()
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, before)
            self._waiting = False
            return interrupted()
        finally:
            signal.signal(signal.SIGINT, before)

    def _note(self, *_: object) -> None:
        self._waiting = True
