"""Waiting for something that happens once."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, succeed

_T = TypeVar("_T")


@define(eq=False)
class OneShot(Generic[_T]):
    """An event that happens once, with a result, and those who wait for it.

    Each has a Deferred of its own, so that cancelling it cancels nothing for the others.
    """

    fired: bool = field(default=False, init=False)
    _result: Any = field(default=None, init=False)
    _waiting: list[Deferred[_T]] = field(factory=list, init=False)

    def when_fired(self) -> Deferred[_T]:
        """Fires with the result: at once if it has happened, otherwise when it does."""
        if self.fired:
            return succeed(self._result)
        waiter: Deferred[_T] = Deferred(self._waiting.remove)
        self._waiting.append(waiter)
        return waiter

    def fire(self, result: _T) -> None:
        """It has happened. A second time changes nothing."""
        if self.fired:
            return
        self.fired, self._result = True, result
        # One at a time: each may cancel those that are still to come.
        while self._waiting:
            self._waiting.pop(0).callback(result)
