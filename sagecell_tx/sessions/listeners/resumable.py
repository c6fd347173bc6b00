"""Clients that come back: each has a name, and a cursor that outlives its connections.

Between two polls such a client listens to nothing, and still is there. Its absence is noticed
after `limits.detached_seconds`. When it was missed for `limits.resumable_seconds` more it is
forgotten, so that nobody holds a kernel for ever by not coming back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from sagecell_tx.limits import LifetimeLimits
from sagecell_tx.sessions.listeners.messagelog import Cursor, MessageLog

_log = Logger()

#: How many clients of one kernel may have names.
MOST = 16


class TooManyCursors(Exception):
    """No further client of this kernel can be given a place to come back to."""


@define(eq=False)
class ResumableClient:
    """A client that comes back, and how far it has read."""

    name: str
    cursor: Cursor
    expired: bool = field(default=False, init=False)
    expiry: IDelayedCall | None = field(default=None, init=False)


@define(kw_only=True)
class ResumableClients:
    """The clients of one kernel that come back. `on_departed` is called when there are fewer."""

    kernel_id: str
    clock: IReactorTime
    limits: LifetimeLimits
    message_log: MessageLog
    on_departed: Callable[[], None]
    _known: dict[str, ResumableClient] = field(factory=dict, init=False)
    _over: bool = field(default=False, init=False)

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[ResumableClient]:
        return iter(self._known.values())

    @property
    def any_present(self) -> bool:
        """One of them is there, or has not been away for long."""
        return any(not client.expired for client in self._known.values())

    def subscribe(self, name: str, after: int | None) -> ResumableClient:
        """The client called `name`, who goes on after that number.

        Without a number it goes on with what it was not told yet, and the rest has arrived.
        Raises `MessagesGone`, `NotPublished` and `TooManyCursors`, and then nothing has changed.
        """
        if after is not None:
            self.message_log.check(after)
        client = self.find_or_add(name)
        if after is None:
            self.message_log.acknowledge(client.cursor, client.cursor.position - 1)
        else:
            self.message_log.seek(client.cursor, after)
        self._cancel_expiry(client)
        return client

    def find_or_add(self, name: str) -> ResumableClient:
        """The client called `name`, be it new; raises `TooManyCursors`."""
        client = self._known.get(name)
        if client is None:
            if len(self._known) >= MOST:
                raise TooManyCursors
            client = self._known[name] = ResumableClient(
                name, self.message_log.open(resumable=True)
            )
        return client

    def unsubscribe(self, client: ResumableClient) -> None:
        """One does not listen now, and may come back: it expires after a while."""
        self._cancel_expiry(client)
        if not self._over:
            client.expiry = self.clock.callLater(self.limits.detached_seconds, self._expire, client)

    def forget(self, client: ResumableClient) -> None:
        """Wait no longer for one, who does not come back."""
        if self._known.get(client.name) is client:
            self._cancel_expiry(client)
            del self._known[client.name]
            self.message_log.close(client.cursor)
            self.on_departed()

    def stop_waiting(self) -> None:
        """The session is over: from now on somebody else decides how long to wait for them."""
        self._over = True
        for client in self._known.values():
            self._cancel_expiry(client)

    def _cancel_expiry(self, client: ResumableClient) -> None:
        """It is there, or nobody need wait for it."""
        client.expired = False
        if client.expiry is not None and client.expiry.active():
            client.expiry.cancel()

    def _expire(self, client: ResumableClient) -> None:
        client.expired = True
        client.expiry = self.clock.callLater(
            self.limits.resumable_seconds, self._forget_expired, client
        )
        self.on_departed()

    def _forget_expired(self, client: ResumableClient) -> None:
        _log.info("{kernel}: a client did not come back", kernel=self.kernel_id)
        self.forget(client)
