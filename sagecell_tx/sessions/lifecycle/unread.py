"""How much may wait for a kernel that has not read it, and who waits with more.

ZMQ's queue has no bound, and a program may keep its kernel's sockets and read nothing from them. A kernel
itself reads at once, even while a program runs, but perhaps more slowly than a client sends.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

#: Bytes that may wait, besides the message that comes last; further ones are refused.
MOST = 16 << 20

#: Bytes from which on a client had better wait, how long at most, and how often it is looked, in seconds.
MUCH = 4 << 20
PATIENCE = 5.0
LOOK = 0.01


@define(kw_only=True)
class Unread:
    """What waits for one kernel: `size` gives its bytes, 0 without a kernel."""

    clock: IReactorTime
    size: Callable[[], int]

    @property
    def is_too_much(self) -> bool:
        """Whether nothing more may be sent."""
        return self.size() > MOST

    def when_read(self) -> Deferred[None] | None:
        """Fires when a client may send its next message, after `PATIENCE` in any case; None for at once."""
        if self.size() <= MUCH:
            return None
        read: Deferred[None] = Deferred()
        end = self.clock.seconds() + PATIENCE

        def look() -> None:
            if self.size() <= MUCH or self.clock.seconds() >= end:
                read.callback(None)
            else:
                self.clock.callLater(LOOK, look)

        self.clock.callLater(LOOK, look)
        return read
