"""Deferreds for an event that happens once."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, succeed

_T = TypeVar("_T")


@define(eq=False)
class OneShot(Generic[_T]):
    """An event that happens once, with a result.

    Each waiter has a Deferred of its own; cancelling it does not affect the others.
    """

    fired: bool = field(default=False, init=False)
    _result: Any = field(default=None, init=False)
    _waiting: list[Deferred[_T]] = field(factory=list, init=False)

    def when_fired(self) -> Deferred[_T]:
        """Fires with the result: at once if the event has happened, otherwise when it does."""
        if self.fired:
            return succeed(self._result)
        waiter: Deferred[_T] = Deferred(self._waiting.remove)
        self._waiting.append(waiter)
        return waiter

    def fire(self, result: _T) -> None:
        """Record the event and fire the waiters' Deferreds. Later calls do nothing."""
        if self.fired:
            return
        self.fired, self._result = True, result
        # One at a time: a callback may cancel other waiters.
        while self._waiting:
            self._waiting.pop(0).callback(result)
