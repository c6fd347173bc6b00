"""SIGINT raises KeyboardInterrupt only while a visitor's code runs; in our code it is held.

ipykernel lets it raise from the request's arrival on. An interrupt a moment too early or too
late then prevents the reply, and the client waits for ever.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Interrupts:
    """The handling of SIGINT in the main thread of a kernel."""

    def __init__(self) -> None:
        self._waiting = False

    def hold(self) -> None:
        """From now on, keep an interrupt for the next `run`."""
        self._waiting = False
        signal.signal(signal.SIGINT, self._note)

    def ignore(self) -> None:
        """From now on, ignore interrupts, and drop one that was held."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._waiting = False

    def take(self) -> bool:
        """Whether an interrupt is held; drops it."""
        waiting, self._waiting = self._waiting, False
        return waiting

    def run(self, code: Callable[[], T], interrupted: Callable[[], T]) -> T:
        """Return what `code` returns; after an interrupt, or one that was held, `interrupted`.

        Restores the handler of SIGINT before `interrupted` is called.
        """
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
