"""What the kernels of one machine use, which its agent tells when it is asked."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sagecell_tx.hosts.cluster.reports import usages_of
from sagecell_tx.sessions.interfaces import Usage
from sagecell_tx.sessions.waiters import OneShot

#: Seconds in which an agent tells what its kernels use: it does so with its next beat.
PATIENCE = 1.5


@define(kw_only=True, eq=False)
class Measurement:
    """Asks the agent of one machine, by `ask`, and collects what it tells."""

    clock: IReactorTime
    ask: Callable[[], None]
    _told: OneShot[Mapping[int, Usage]] | None = field(default=None, init=False)
    _found: dict[int, Usage] = field(factory=dict, init=False)
    _patience: IDelayedCall | None = field(default=None, init=False)

    def take(self) -> Deferred[Mapping[int, Usage]]:
        """Fires with what kernels use, by number: as much as the agent tells in `PATIENCE` seconds.

        All who ask meanwhile get the same.
        """
        if self._told is None:
            self._told = OneShot()
            self._patience = self.clock.callLater(PATIENCE, self.finish)
            self.ask()
        return self._told.when_fired()

    def received(self, message: Mapping[str, Any], own: Container[int]) -> None:
        """The agent has told something, asked or not: only what is about the kernels `own` counts.

        Raises `WireError`.
        """
        usages, is_last = usages_of(message)
        if self._told is not None:
            self._found.update((number, each) for number, each in usages.items() if number in own)
            if is_last:
                self.finish()

    def finish(self) -> None:
        """Wait no longer: it is over, or the agent does not answer. Harmless if repeated."""
        if self._patience is not None and self._patience.active():
            self._patience.cancel()
        told, self._told = self._told, None
        found, self._found = self._found, {}
        if told is not None:
            told.fire(found)
