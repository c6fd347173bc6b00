"""SIGINT interrupts libraries in C as well, by the handler that cysignals has for them."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import Any

from attrs import frozen
from cysignals.pysignals import getossignal, setossignal


@frozen
class _Handlers:
    """Python's handler, and the C function that Linux calls."""

    python: Any
    system: Any


@frozen
class CySigint:
    """Python's handler of SIGINT together with that in C. `raising` are those of cysignals."""

    raising: Any

    @classmethod
    def installed(cls) -> CySigint:
        """With the present handlers, which must be those of cysignals."""
        return cls(_present())

    def get(self) -> Any:
        """See `Sigint.get`."""
        return _present()

    def set(self, handlers: Any) -> None:
        """See `Sigint.set`."""
        if handlers is self.raising or handlers == self.raising:
            # An interrupt that came too late for the program before is not for this one.
            with suppress(KeyboardInterrupt):
                handlers.python(signal.SIGINT, None)
        signal.signal(signal.SIGINT, handlers.python)  # replaces the C function as well
        setossignal(signal.SIGINT, handlers.system)


def _present() -> _Handlers:
    return _Handlers(signal.getsignal(signal.SIGINT), getossignal(signal.SIGINT))
