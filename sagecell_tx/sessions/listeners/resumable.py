"""Resumable clients: each has a name, and a cursor that outlives its connections.

Between two polls such a client has no listener but still counts as present. It counts as absent
after `limits.detached_seconds`, and is forgotten after `limits.resumable_seconds` more, so that
a client that does not come back cannot block a kernel for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from sagecell_tx.limits import LifetimeLimits
from sagecell_tx.sessions.listeners.messagelog import Cursor, MessageLog

_log = Logger()

#: Resumable clients that one kernel may have.
MOST = 16


class TooManyCursors(Exception):
    """The kernel has as many resumable clients as it may have."""


@define(eq=False)
class ResumableClient:
    """A client that may come back, and how far it has read."""

    name: str
    cursor: Cursor
    expired: bool = field(default=False, init=False)
    expiry: IDelayedCall | None = field(default=None, init=False)
    absent_since: float | None = field(default=None, init=False)  # None: it has a listener

    @property
    def is_dispensable(self) -> bool:
        """Whether it is away, and may be forgotten in favour of clients that are not."""
        return self.cursor.addressed and self.absent_since is not None


@define(kw_only=True)
class ResumableClients:
    """One kernel's resumable clients. `on_departed` is called when one expires or is forgotten."""

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
        """Whether one of them has not expired."""
        return any(not client.expired for client in self._known.values())

    def subscribe(
        self, name: str, after: int | None, *, addressed: bool = False
    ) -> ResumableClient:
        """The client called `name`, which continues after message `after`.

        Without a number it continues after the last message that it read, and acknowledges that; an
        `addressed` one after the last message that it acknowledged.
        Raises `MessagesGone`, `NotPublished` or `TooManyCursors`, and then changes nothing.
        """
        if after is not None:
            self.message_log.check(after)
        client = self.find_or_add(name, addressed=addressed)
        if after is None and addressed:
            self.message_log.rewind(client.cursor)
        elif after is None:
            self.message_log.acknowledge(client.cursor, client.cursor.position - 1)
        else:
            self.message_log.seek(client.cursor, after)
        self._cancel_expiry(client)
        return client

    def find_or_add(self, name: str, *, addressed: bool = False) -> ResumableClient:
        """The client called `name`, added if it is new; raises `TooManyCursors`.

        If there is no room, the `addressed` client is forgotten that has been away for longest: those do
        not say whether they will come back.
        """
        client = self._known.get(name)
        if client is None:
            if len(self._known) >= MOST:
                absent = [each for each in self._known.values() if each.is_dispensable]
                if not absent:
                    raise TooManyCursors
                self.forget(min(absent, key=lambda each: each.absent_since or 0.0))
            client = self._known[name] = ResumableClient(
                name, self.message_log.open(resumable=True, addressed=addressed)
            )
        return client

    def unsubscribe(self, client: ResumableClient) -> None:
        """Start a client's expiry: it has no listener now, and may come back."""
        self._cancel_expiry(client)
        client.absent_since = self.clock.seconds()
        if not self._over:
            client.expiry = self.clock.callLater(self.limits.detached_seconds, self._expire, client)

    def forget(self, client: ResumableClient) -> None:
        """Remove a client, which will not come back."""
        if self._known.get(client.name) is client:
            self._cancel_expiry(client)
            del self._known[client.name]
            self.message_log.close(client.cursor)
            self.on_departed()

    def stop_waiting(self) -> None:
        """Expire nobody from now on: the session has ended, and `EndedSessions` limits the wait."""
        self._over = True
        for client in self._known.values():
            self._cancel_expiry(client)

    def _cancel_expiry(self, client: ResumableClient) -> None:
        """Stop a client's expiry: it is present, or need not be waited for."""
        client.expired = False
        client.absent_since = None
        if client.expiry is not None and client.expiry.active():
            client.expiry.cancel()

    def _expire(self, client: ResumableClient) -> None:
        client.expired = True
        client.expiry = self.clock.callLater(
            self.limits.resumable_seconds, self._forget_expired, client
        )
        self.on_departed()

    def _forget_expired(self, client: ResumableClient) -> None:
        _log.info("{kernel}: a client did not come back and is forgotten", kernel=self.kernel_id)
        self.forget(client)
