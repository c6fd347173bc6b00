"""Clients that come back: each has a name, and a cursor that outlives its connections.

Between two polls such a client listens to nothing, and still is there. Its absence is noticed
after `limits.detached_seconds`. When it was missed for `limits.resumable_seconds` more it is
forgotten, so that nobody holds a kernel for ever by not coming back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from sagecell_tx.limits import LifetimeLimits
from sagecell_tx.sessions.listeners.messagelog import Cursor, Outbox

if TYPE_CHECKING:
    from sagecell_tx.sessions.listeners.audience import Seat

_log = Logger()

#: How many clients of one kernel may have names.
MOST = 16


class TooManyRegulars(Exception):
    """No further client of this kernel can be given a place to come back to."""


@define(eq=False)
class Regular:
    """A client that comes back. `seat` is its place in the audience while it listens."""

    name: str
    cursor: Cursor
    seat: Seat | None = field(default=None, init=False)
    missed: bool = field(default=False, init=False)
    absence: IDelayedCall | None = field(default=None, init=False)


@define(kw_only=True)
class Regulars:
    """The clients of one kernel that come back. `left` is called when there are fewer about."""

    kernel_id: str
    clock: IReactorTime
    limits: LifetimeLimits
    outbox: Outbox
    left: Callable[[], None]
    _known: dict[str, Regular] = field(factory=dict, init=False)
    _over: bool = field(default=False, init=False)

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Regular]:
        return iter(self._known.values())

    @property
    def about(self) -> bool:
        """One of them is there, or has not been away for long."""
        return any(not regular.missed for regular in self._known.values())

    def come(self, name: str, after: int | None) -> Regular:
        """The client called `name`, who goes on after that number.

        Without a number it goes on with what it was not told yet, and the rest has arrived.
        Raises `Gone`, `NotSaid` and `TooManyRegulars`, and then nothing has changed.
        """
        if after is not None:
            self.outbox.check(after)
        regular = self.known_as(name)
        if after is None:
            self.outbox.acknowledge(regular.cursor, regular.cursor.place - 1)
        else:
            self.outbox.go_on_after(regular.cursor, after)
        self._found(regular)
        return regular

    def known_as(self, name: str) -> Regular:
        """The client called `name`, be it new; raises `TooManyRegulars`."""
        regular = self._known.get(name)
        if regular is None:
            if len(self._known) >= MOST:
                raise TooManyRegulars
            regular = self._known[name] = Regular(name, self.outbox.open(returning=True))
        return regular

    def go(self, regular: Regular) -> None:
        """Take note that one does not listen now, and may come back."""
        regular.seat = None
        self._found(regular)
        if not self._over:
            regular.absence = self.clock.callLater(
                self.limits.detached_seconds, self._miss, regular
            )

    def forget(self, regular: Regular) -> None:
        """Wait no longer for one, who does not come back."""
        if self._known.get(regular.name) is regular:
            self._found(regular)
            del self._known[regular.name]
            self.outbox.close(regular.cursor)
            self.left()

    def stop_waiting(self) -> None:
        """The session is over: from now on somebody else decides how long to wait for them."""
        self._over = True
        for regular in self._known.values():
            self._found(regular)

    def _found(self, regular: Regular) -> None:
        """Nobody need wait for this one."""
        regular.missed = False
        if regular.absence is not None and regular.absence.active():
            regular.absence.cancel()

    def _miss(self, regular: Regular) -> None:
        regular.missed = True
        regular.absence = self.clock.callLater(
            self.limits.resumable_seconds, self._give_up, regular
        )
        self.left()

    def _give_up(self, regular: Regular) -> None:
        _log.info("{kernel}: a client did not come back", kernel=self.kernel_id)
        self.forget(regular)
