"""Those who listen to one kernel, each at their own pace.

What is published waits in the message log until everybody has read it. While too much waits, the
kernel is held; whoever then reads nothing for too long is let go, so that nobody keeps the
kernel and the others waiting for ever. A resumable client that is let go may come back.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from sagecell_tx.limits import LifetimeLimits, MessageLimits
from sagecell_tx.sessions.interfaces import Listener
from sagecell_tx.sessions.listeners.flowcontrol import Valve
from sagecell_tx.sessions.listeners.messagelog import Cursor, MessageLog
from sagecell_tx.sessions.listeners.resumable import ResumableClient, ResumableClients
from sagecell_tx.wire.messages import Message

_log = Logger()

#: Why a listener is closed other than for the session's end: it took nothing, or acknowledged
#: nothing, for too long; or its client came again, on another connection.
STALLED = "stalled"
SUPERSEDED = "superseded"


class TooManyListeners(Exception):
    """As many listen to this kernel as may."""


@define(eq=False)
class Subscription:
    """One listener, and how far it has read."""

    listener: Listener
    cursor: Cursor
    last_read: float  # when it read or acknowledged something, or came
    client: ResumableClient | None = None
    waiting: bool = field(default=True, init=False)  # took all there was


@define(kw_only=True)
class Audience:
    """The listeners. `on_attended` is called when there are some, `on_deserted` when there are none.

    A resumable client is there until it has expired.
    """

    kernel_id: str
    clock: IReactorTime
    lifetime: LifetimeLimits
    messages: MessageLimits
    valve: Valve
    on_attended: Callable[[], None]
    on_deserted: Callable[[], None]
    _message_log: MessageLog = field(init=False)
    _resumable: ResumableClients = field(init=False)
    _subscriptions: list[Subscription] = field(factory=list, init=False)
    _watch: IDelayedCall | None = field(default=None, init=False)
    _closed: str | None = field(default=None, init=False)
    present: bool = field(default=False, init=False)  # somebody is there

    def __attrs_post_init__(self) -> None:
        self._message_log = MessageLog(self.messages.message_log_bytes)
        self._resumable = ResumableClients(
            kernel_id=self.kernel_id,
            clock=self.clock,
            limits=self.lifetime,
            message_log=self._message_log,
            on_departed=self._departed,
        )

    def __contains__(self, subscription: object) -> bool:
        return subscription in self._subscriptions

    @property
    def closed(self) -> bool:
        """Nothing more will be published."""
        return self._closed is not None

    @property
    def awaits_return(self) -> bool:
        """Somebody may come back for what was said."""
        return len(self._resumable) > 0

    @property
    def has_unread(self) -> bool:
        """Somebody who listens, or may come back, has not read everything."""
        cursors = [each.cursor for each in (*self._subscriptions, *self._resumable)]
        return any(map(self._message_log.has_unread, cursors))

    @property
    def kept(self) -> int:
        """Bytes that wait to be read."""
        return self._message_log.size

    def subscribe(self, listener: Listener) -> Subscription:
        """Let `listener` take part; raises `TooManyListeners`."""
        self._check_room()
        return self._add(Subscription(listener, self._message_log.open(), self.clock.seconds()))

    def resubscribe(self, listener: Listener, name: str, after: int | None) -> Subscription:
        """A resumable client listens; see `ResumableClients.subscribe`, also for what is raised.

        It takes the place of an older one of that name, which is closed as superseded. If there is
        none, `TooManyListeners` may be raised.
        """
        if not any(each.client and each.client.name == name for each in self._subscriptions):
            self._check_room()
        client = self._resumable.subscribe(name, after)
        self._check_drained()
        older = self._subscription_of(client)
        subscription = Subscription(listener, client.cursor, self.clock.seconds(), client)
        self._add(subscription)
        if older is not None:
            self._subscriptions.remove(older)
            self._notify(older, older.listener.close, SUPERSEDED)
        return subscription

    def touch(self, name: str) -> int:
        """A resumable client is there without listening; gives the number that it goes on after."""
        client = self._resumable.find_or_add(name)
        if self._subscription_of(client) is None:
            self._resumable.unsubscribe(client)
        self._note_presence()
        return client.cursor.kept - 1

    def _check_room(self) -> None:
        """What the kernel says is written to each, so there are not too many."""
        if 0 < self.messages.listeners <= len(self._subscriptions):
            raise TooManyListeners

    def _subscription_of(self, client: ResumableClient) -> Subscription | None:
        """That with which a resumable client listens at present."""
        return next((each for each in self._subscriptions if each.client is client), None)

    def _add(self, subscription: Subscription) -> Subscription:
        self._subscriptions.append(subscription)
        if self._message_log.full or self.closed:
            self._watch_for_stalls()
        self._note_presence()
        return subscription

    def _note_presence(self) -> None:
        if not self.present:
            self.present = True
            self.on_attended()

    def unsubscribe(self, subscription: Subscription) -> None:
        """Let a listener go. A second time changes nothing."""
        if subscription not in self._subscriptions:
            return
        self._subscriptions.remove(subscription)
        if subscription.client is None:
            self._message_log.close(subscription.cursor)
        else:
            self._resumable.unsubscribe(subscription.client)
        self._departed()

    def unsubscribe_for_good(self, subscription: Subscription) -> None:
        """Let a listener go that has everything it was told and does not come back."""
        self.unsubscribe(subscription)
        client = subscription.client
        if client is not None and self._subscription_of(client) is None:
            self._message_log.acknowledge(subscription.cursor, subscription.cursor.position - 1)
            self._resumable.forget(client)

    def _departed(self) -> None:
        """There are fewer listeners, or fewer who may come back."""
        self._check_drained()
        if self.present and not self._subscriptions and not self._resumable.any_present:
            self.present = False
            self.on_deserted()
        self._abridge()

    def acknowledge(self, subscription: Subscription, number: int) -> None:
        """What a listener took up to `number` has arrived; raises `NotPublished`."""
        if subscription in self._subscriptions:
            self._message_log.acknowledge(subscription.cursor, number)
            subscription.last_read = self.clock.seconds()
            self._check_drained()

    def read(self, subscription: Subscription, room: int) -> list[Message]:
        """The next messages for a listener, which is closed when there will be none."""
        if subscription not in self._subscriptions:
            return []
        messages = self._message_log.read(subscription.cursor, room)
        subscription.waiting = not messages
        if messages:
            subscription.last_read = self.clock.seconds()
            self._check_drained()
        elif self._closed is not None:
            self.unsubscribe(subscription)
            subscription.listener.close(self._closed)
        return messages

    def publish(self, *messages: Message) -> None:
        """Let everybody read `messages`; after the close nobody does."""
        if not messages or self.closed:
            return
        for message in messages:
            self._message_log.append(message)
        self._wake()
        if self._message_log.full:
            self.valve.hold("outbox")
            self._watch_for_stalls()

    def close(self, reason: str) -> None:
        """Publish nothing more. Listeners are closed once they have read everything."""
        if self._closed is None:
            self._closed = reason
            self._resumable.stop_waiting()
            self._wake()
            self._watch_for_stalls()
            self._abridge()

    def _abridge(self) -> None:
        """Nobody is left who would take it all, and a session lives on in what refers to it."""
        if self.closed and not self._subscriptions and not self.awaits_return:
            self._message_log.abridge()

    def _wake(self) -> None:
        for subscription in list(self._subscriptions):
            if subscription.waiting and subscription in self._subscriptions:
                self._notify(subscription, subscription.listener.wake)

    def _notify(self, subscription: Subscription, call: Callable[..., None], *args: object) -> None:
        """Call a listener; one that fails takes no further part, and the others go on."""
        try:
            call(*args)
        except Exception:
            _log.failure("{kernel}: a listener failed", kernel=self.kernel_id)
            self.unsubscribe(subscription)

    # --- those who take nothing

    def _check_drained(self) -> None:
        """Less may be waiting now, or fewer may be listening."""
        drained = self._message_log.drained
        if drained:
            self.valve.release("outbox")
        if self._watch is not None and (not self._subscriptions or (drained and not self.closed)):
            self._watch.cancel()
            self._watch = None

    def _watch_for_stalls(self) -> None:
        if self._watch is None and self._subscriptions:
            self._watch = self.clock.callLater(self.messages.stalled_seconds, self._drop_stalled)

    def _drop_stalled(self) -> None:
        self._watch = None
        long_ago = self.clock.seconds() - self.messages.stalled_seconds
        for subscription in list(self._subscriptions):
            behind = (
                self.closed
                or self._message_log.has_unread(subscription.cursor)
                or self._message_log.keeps(subscription.cursor)
            )
            if behind and subscription.last_read <= long_ago:
                _log.info("{kernel}: a listener takes nothing and is let go", kernel=self.kernel_id)
                self.unsubscribe(subscription)
                self._notify(subscription, subscription.listener.close, STALLED)
        if self.closed or not self._message_log.drained:
            self._watch_for_stalls()
