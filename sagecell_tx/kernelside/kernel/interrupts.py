"""SIGINT raises KeyboardInterrupt only while a visitor's code runs; in our code it is held.

ipykernel lets it raise from the request's arrival on. An interrupt a moment too early or too
late then prevents the reply, and the client waits for ever.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Sigint(Protocol):
    """The handlers of SIGINT of a process: Python's, and where libraries have one in C, that too."""

    @property
    def raising(self) -> Any:
        """The handlers that raise KeyboardInterrupt, in Python as in those libraries."""

    def get(self) -> Any:
        """The present handlers."""

    def set(self, handlers: Any) -> None:
        """Install handlers that `get` or `raising` has returned."""


class PythonSigint:
    """Python's handler alone."""

    raising = staticmethod(signal.default_int_handler)

    def get(self) -> Any:
        """See `Sigint.get`."""
        return signal.getsignal(signal.SIGINT)

    def set(self, handlers: Any) -> None:
        """See `Sigint.set`."""
        signal.signal(signal.SIGINT, handlers)


class Interrupts:
    """The handling of SIGINT in the main thread of a kernel."""

    def __init__(self, sigint: Sigint) -> None:
        self._sigint = sigint
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

        Restores the handlers of SIGINT before `interrupted` is called.
        """
        before = self._sigint.get()
        try:
            self._sigint.set(self._sigint.raising)
            if self._waiting:
                raise KeyboardInterrupt
            return code()
        except KeyboardInterrupt:
            self._sigint.set(before)
            self._waiting = False
            return interrupted()
        finally:
            self._sigint.set(before)

    def drop_during(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, in the main thread; interrupts that come meanwhile are dropped.

        For what follows an interrupt, of which a kernel that has not replied soon gets a second one.
        """
        if threading.current_thread() is not threading.main_thread():
            return work()
        before = self._sigint.get()
        signal.signal(signal.SIGINT, lambda *_: None)  # replaces those of C code as well
        try:
            return work()
        finally:
            self._sigint.set(before)

    def hold_in_forks(self) -> None:
        """From now on, an interrupt while Python forks is one at once after the fork.

        At a fork, Python calls functions of libraries, among them one that releases logging's lock,
        and ignores what they raise: the interrupt would be lost, and the lock kept.
        """
        for name in ("fork", "forkpty"):
            setattr(os, name, self.holding(getattr(os, name)))

    def holding(self, fork: Callable[[], T]) -> Callable[[], T]:
        """A function that forks by `fork`, and only then raises an interrupt, in the parent."""

        @wraps(fork)
        def held() -> T:
            if threading.current_thread() is not threading.main_thread():
                return fork()  # interrupts are the main thread's
            noted: list[object] = []
            parent, before = os.getpid(), self._sigint.get()
            signal.signal(signal.SIGINT, lambda *_: noted.append(_))
            try:
                return fork()
            finally:
                self._sigint.set(before)
                if noted and os.getpid() == parent:
                    signal.raise_signal(signal.SIGINT)

        return held

    def _note(self, *_: object) -> None:
        self._waiting = True
