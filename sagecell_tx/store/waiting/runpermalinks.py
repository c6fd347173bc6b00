"""Permalinks of runs that wait for a database that is away."""

from __future__ import annotations

from functools import partial

from attrs import define
from twisted.internet.defer import Deferred

from sagecell_tx.sessions.interfaces import Permalink, RunPermalinkStore, StoreAway
from sagecell_tx.store.runpermalinks import ENTRY, size_of
from sagecell_tx.store.waiting.retries import Retries


@define(kw_only=True, eq=False)
class WaitingRunPermalinkStore:
    """A `RunPermalinkStore` that repeats what another could not save since it was away."""

    _permalinks: RunPermalinkStore
    _retries: Retries

    def save(self, permalink: Permalink, client: str) -> Deferred[str]:
        """See `RunPermalinkStore`. Fires when the permalink is stored. Cancelling gives it up."""
        return Deferred.fromCoroutine(self._save(permalink, client))

    async def _save(self, permalink: Permalink, client: str) -> str:
        try:
            return await self._permalinks.save(permalink, client)
        except StoreAway:
            size = size_of(permalink) + ENTRY
            if not self._retries.reserve(size):
                raise
        try:
            return await self._retries.add(partial(self._permalinks.save, permalink, client))
        finally:
            self._retries.release(size)

    def sweep(self, before: float) -> Deferred[int]:
        """See `RunPermalinkStore`."""
        return self._permalinks.sweep(before)
