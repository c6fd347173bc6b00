"""The listeners of one kernel, each of which reads at its own pace.

Published messages wait in the message log until every listener has read them. While too many
wait, the kernel is paused; a listener that then reads nothing for too long is dropped, so that
it does not block the kernel and the others for ever. A resumable client that is dropped may
come back.

An `addressed` client gets the answers to its own requests only, and all of iopub. While it is away and others
listen, it does not hold the kernel: it is forgotten when the log is full.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from sagecell_tx.limits import LifetimeLimits, MessageLimits
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.interfaces import Listener
from sagecell_tx.sessions.listeners.addressees import Addressees
from sagecell_tx.sessions.listeners.flowcontrol import Valve
from sagecell_tx.sessions.listeners.messagelog import Cursor, MessageLog
from sagecell_tx.sessions.listeners.resumable import ResumableClient, ResumableClients
from sagecell_tx.wire.messages import IOPUB, STDIN, Message

_log = Logger()

#: Why a listener is closed before the session's end: it read or acknowledged nothing for too
#: long, or its client opened another connection.
STALLED = "stalled"
SUPERSEDED = "superseded"

#: Why a listener is closed at once: what it has not read is not kept any more, or its client may never read it.
AT_ONCE = frozenset({STALLED, SUPERSEDED, Reason.UNREAD.value})


class TooManyListeners(Exception):
    """The kernel has as many listeners as it may have."""


@define(eq=False)
class Attachment:
    """One listener's connection to a session: it reads the kernel's messages, and sends to it.

    Transports call the methods; the fields are for the audience.
    """

    _audience: Audience
    listener: Listener
    cursor: Cursor
    last_read: float  # time of the last read, acknowledgement or attachment
    client: ResumableClient | None = None
    waiting: bool = field(default=True, init=False)  # to be woken by the next message

    @property
    def position(self) -> int:
        """The number of the message that is read next; numbers are consecutive."""
        return self.cursor.position

    def read(self, room: int) -> list[Message]:
        """The next messages: at least one if there is any, about `room` bytes at most.

        After an empty list, `Listener.wake` is called when there is more. If there will be no
        more, `Listener.close` has been called.
        """
        return self._audience.read(self, room)

    def send(self, message: Message) -> None:
        """Send a client's message to the kernel; raises `Undeliverable`.

        Does nothing after `detach`, or when the kernel is gone.
        """
        if self in self._audience:
            if self.cursor.addressed:
                self._audience.note_sender(self.cursor, message)
            self._audience.send(message)

    def unanswered_question(self) -> Message | None:
        """An input_request that this client acknowledged and nobody has answered yet."""
        return self._audience.unanswered_question(self.cursor)

    def acknowledge(self, number: int) -> None:
        """Record that the messages up to `number` have arrived; raises `NotPublished`."""
        self._audience.acknowledge(self, number)

    def detach(self) -> None:
        """Remove the listener. Later calls do nothing."""
        self._audience.detach(self)

    def detach_for_good(self) -> None:
        """Remove the listener, which has received all that it read and will not come back."""
        self._audience.detach_for_good(self)


@define(kw_only=True)
class Audience:
    """The listeners of one kernel.

    `on_attended` is called when the first one is present, `on_deserted` when none is any more. A
    resumable client counts as present until it expires. `send` is called with messages from
    listeners to the kernel; it raises `Undeliverable`.
    """

    kernel_id: str
    clock: IReactorTime
    lifetime: LifetimeLimits
    messages: MessageLimits
    valve: Valve
    send: Callable[[Message], None]
    on_attended: Callable[[], None]
    on_deserted: Callable[[], None]
    _message_log: MessageLog = field(init=False)
    _addressees: Addressees = field(factory=Addressees, init=False)
    _question: tuple[int, Message] | None = field(default=None, init=False)  # and its number
    _resumable: ResumableClients = field(init=False)
    _attachments: list[Attachment] = field(factory=list, init=False)
    _watch: IDelayedCall | None = field(default=None, init=False)
    _closed: str | None = field(default=None, init=False)
    _is_forgotten: bool = field(default=False, init=False)  # whoever leaves cannot come back
    _gathers: bool = field(default=False, init=False)  # more messages follow in this turn
    _unannounced: bool = field(default=False, init=False)  # some were published meanwhile
    present: bool = field(default=False, init=False)  # there is a listener or a present client
    ever_present: bool = field(default=False, init=False)
    absent_since: float = field(init=False)  # if nobody is present

    def __attrs_post_init__(self) -> None:
        self.absent_since = self.clock.seconds()
        self._message_log = MessageLog(self.messages.message_log_bytes)
        self._resumable = ResumableClients(
            kernel_id=self.kernel_id,
            clock=self.clock,
            limits=self.lifetime,
            message_log=self._message_log,
            on_departed=self._departed,
        )

    def __contains__(self, attachment: object) -> bool:
        return attachment in self._attachments

    @property
    def closed(self) -> bool:
        """Whether nothing more will be published."""
        return self._closed is not None

    @property
    def awaits_return(self) -> bool:
        """Whether there are resumable clients, which may come back for messages."""
        return len(self._resumable) > 0

    def awaits(self, name: str) -> bool:
        """Whether the resumable client of that name may come back for messages."""
        return any(client.name == name for client in self._resumable)

    @property
    def has_unread(self) -> bool:
        """Whether a listener, or a client that may come back, has not read everything."""
        cursors = [each.cursor for each in (*self._attachments, *self._resumable)]
        return any(map(self._message_log.has_unread, cursors))

    @property
    def listening(self) -> int:
        """How many listeners there are."""
        return len(self._attachments)

    @property
    def kept(self) -> int:
        """Bytes in the message log."""
        return self._message_log.size

    @property
    def unwritten(self) -> int:
        """The same, what listeners have read last and may not have written to their clients yet, and an unanswered question."""
        return self._message_log.unwritten + self._asked

    @property
    def _asked(self) -> int:
        """Bytes in an unanswered question that is not in the message log any more."""
        if self._question is None or self._question[0] >= self._message_log.oldest:
            return 0
        return self._question[1].size

    def attach(
        self,
        listener: Listener,
        name: str | None = None,
        after: int | None = None,
        *,
        addressed: bool = False,
    ) -> Attachment:
        """Add a listener, which starts as `MessageLog.open` says; raises `TooManyListeners`.

        An `addressed` one gets the answers to its own requests only.

        With a `name`, it listens for the resumable client of that name, which continues after the
        message `after`; see `ResumableClients.subscribe`, also for what is raised. An older
        listener of that client is closed as superseded.
        """
        if name is None:
            self._check_room()
            now = self.clock.seconds()
            cursor = self._message_log.open(addressed=addressed)
            return self._add(Attachment(self, listener, cursor, now))
        if not any(each.client and each.client.name == name for each in self._attachments):
            self._check_room()
        client = self._resumable.subscribe(name, after, addressed=addressed)
        self._check_drained()
        older = self._attachment_of(client)
        attachment = self._add(
            Attachment(self, listener, client.cursor, self.clock.seconds(), client)
        )
        if older is not None:
            self._attachments.remove(older)
            self._notify(older, older.listener.close, SUPERSEDED)
        return attachment

    def touch(self, name: str) -> int:
        """Record that a resumable client is present, though it may have no listener.

        Returns the number of the message that it continues after. Raises `TooManyCursors`.
        """
        client = self._resumable.find_or_add(name)
        if self._attachment_of(client) is None:
            self._leave(client)
        self._note_presence()
        return client.cursor.kept - 1

    def _leave(self, client: ResumableClient) -> None:
        """A resumable client has no listener now, and may come back unless nobody finds the session any more."""
        if self._is_forgotten:
            self._resumable.forget(client)
        else:
            self._resumable.unsubscribe(client)

    def _check_room(self) -> None:
        """Limit the listeners, since every message is written to each."""
        if 0 < self.messages.listeners <= len(self._attachments):
            raise TooManyListeners

    def _attachment_of(self, client: ResumableClient) -> Attachment | None:
        """The attachment of a resumable client that has a listener."""
        return next((each for each in self._attachments if each.client is client), None)

    def _add(self, attachment: Attachment) -> Attachment:
        self._attachments.append(attachment)
        if self._message_log.full:
            self._forget_absent()
        if self._message_log.full or self.closed:
            self._watch_for_stalls()
        self._note_presence()
        return attachment

    def _note_presence(self) -> None:
        if not self.present:
            self.present = self.ever_present = True
            self.on_attended()

    def detach(self, attachment: Attachment) -> None:
        """Remove a listener. Later calls do nothing."""
        if attachment not in self._attachments:
            return
        self._attachments.remove(attachment)
        attachment.cursor.taken = 0
        if attachment.client is None:
            self._addressees.forget(attachment.cursor)
            self._message_log.close(attachment.cursor)
        else:
            self._leave(attachment.client)
        if self._message_log.full:
            self._forget_absent()
        self._departed()

    def detach_for_good(self, attachment: Attachment) -> None:
        """Remove a listener that has received all that it read and will not come back."""
        self.detach(attachment)
        client = attachment.client
        # It may have been forgotten: by `detach`, or with the session's messages.
        if client is not None and client in self._resumable and self._attachment_of(client) is None:
            self._message_log.acknowledge(attachment.cursor, attachment.cursor.position - 1)
            self._resumable.forget(client)

    def _departed(self) -> None:
        """Handle that a listener left, or that a resumable client expired or was forgotten."""
        self._check_drained()
        if self.present and not self._attachments and not self._resumable.any_present:
            self.present, self.absent_since = False, self.clock.seconds()
            self.on_deserted()
        self._abridge()

    def acknowledge(self, attachment: Attachment, number: int) -> None:
        """Record that messages up to `number` have arrived; raises `NotPublished`."""
        if attachment in self._attachments:
            before = attachment.cursor.kept
            self._message_log.acknowledge(attachment.cursor, number)
            if attachment.cursor.kept > before:  # the same again shows nothing
                attachment.last_read = self.clock.seconds()
            self._check_drained()

    def read(self, attachment: Attachment, room: int) -> list[Message]:
        """The next messages for a listener, which is closed if there will be no more."""
        if attachment not in self._attachments:
            return []
        messages = self._message_log.read(attachment.cursor, room)
        attachment.waiting = not messages
        self._check_drained()  # an addressed one may have skipped what the kernel waits for
        if messages:
            attachment.last_read = self.clock.seconds()
        elif self._closed is not None:
            self.detach(attachment)
            attachment.listener.close(self._closed)
        return messages

    def gather(self) -> None:
        """Wake nobody for what is published until `announce`, unless the log is full."""
        self._gathers = True

    def announce(self) -> None:
        """Wake the listeners if something was published since `gather`."""
        self._gathers = False
        if self._unannounced:
            self._wake()

    def publish(self, *messages: Message) -> None:
        """Append `messages` to the log and wake the listeners; does nothing after `close`."""
        if not messages or self.closed:
            return
        for message in messages:
            if message.channel != IOPUB and self._addressees:
                self._publish_answer(message)
            else:
                self._message_log.append(message)
        if self._gathers and not self._message_log.full:
            self._unannounced = True
        else:
            self._wake()
        if self._message_log.full:
            self._forget_absent()
        if self._message_log.full:
            self.valve.hold("outbox")
            self._watch_for_stalls()

    def _publish_answer(self, message: Message) -> None:
        addressee = self._addressees.of(message)
        self._message_log.append(message, addressee)
        if addressee is not None and message.channel == STDIN:
            self._question = self._message_log.latest, message

    def note_sender(self, cursor: Cursor, request: Message) -> None:
        """An addressed client sends a request, and gets the answers."""
        self._addressees.note(request, cursor)

    def unanswered_question(self, cursor: Cursor) -> Message | None:
        """See `Attachment.unanswered_question`."""
        if self._question is None:
            return None
        number, question = self._question
        return (
            question if number < cursor.kept and self._addressees.of(question) is cursor else None
        )

    def settle_question(self) -> None:
        """The input_request was answered, or its request is over."""
        self._question = None

    def _forget_absent(self) -> None:
        """Forget addressed clients that are away while others listen, so that none holds the kernel."""
        if self._attachments:
            for client in [each for each in self._resumable if each.is_dispensable]:
                _log.info("{kernel}: a client that is away is forgotten", kernel=self.kernel_id)
                self._addressees.forget(client.cursor)
                self._resumable.forget(client)

    def close(self, reason: str) -> None:
        """End publishing. Listeners are closed once they have read everything."""
        if self._closed is None:
            self._closed = reason
            self._resumable.stop_waiting()
            self._wake()
            self._watch_for_stalls()
            self._abridge()

    def expect_nobody(self) -> None:
        """Forget the clients that are away: nobody finds the session any more, so that none can come back."""
        self._is_forgotten = True
        for client in list(self._resumable):
            if self._attachment_of(client) is None:
                self._resumable.forget(client)

    def _abridge(self) -> None:
        """Free the log when nobody is left to read it: references may keep the session alive."""
        if self.closed and not self._attachments and not self.awaits_return:
            self._message_log.abridge()

    def _wake(self) -> None:
        self._unannounced = False
        for attachment in list(self._attachments):
            if attachment.waiting and attachment in self._attachments:
                self._notify(attachment, attachment.listener.wake)

    def _notify(self, attachment: Attachment, call: Callable[..., None], *args: object) -> None:
        """Call a listener; one that raises is removed, so that it does not affect the others."""
        try:
            call(*args)
        except Exception:
            _log.failure("{kernel}: a listener failed", kernel=self.kernel_id)
            self.detach(attachment)

    # --- stalled listeners

    def drop_listeners(self) -> None:
        """Close all listeners as stalled: others need the memory of what they have not read."""
        for attachment in list(self._attachments):
            self._drop(attachment, STALLED)

    def abandon(self, reason: str) -> None:
        """Close all listeners at once, and free what they, and clients that may come back, have not read."""
        for attachment in list(self._attachments):
            self._drop(attachment, reason)
        for client in list(self._resumable):
            self._resumable.forget(client)
        self._message_log.clear()
        self.settle_question()
        self._check_drained()

    def _drop(self, attachment: Attachment, reason: str) -> None:
        """Close a listener, unless it has left meanwhile: several may be one client's."""
        if attachment in self._attachments:
            self.detach(attachment)
            self._notify(attachment, attachment.listener.close, reason)

    def _check_drained(self) -> None:
        """Resume the kernel and stop watching for stalls, if the log has drained enough."""
        drained = self._message_log.drained
        if drained:
            self.valve.release("outbox")
        if self._watch is not None and (not self._attachments or (drained and not self.closed)):
            self._watch.cancel()
            self._watch = None

    def _watch_for_stalls(self) -> None:
        if self._watch is None and self._attachments:
            self._watch = self.clock.callLater(self.messages.stalled_seconds, self._drop_stalled)

    def _drop_stalled(self) -> None:
        self._watch = None
        long_ago = self.clock.seconds() - self.messages.stalled_seconds
        for attachment in list(self._attachments):
            behind = (
                self.closed
                or self._message_log.has_unread(attachment.cursor)
                or self._message_log.keeps(attachment.cursor)
            )
            if behind and attachment.last_read <= long_ago:
                _log.info("{kernel}: a stalled listener was dropped", kernel=self.kernel_id)
                self._drop(attachment, STALLED)
        if self.closed or not self._message_log.drained:
            self._watch_for_stalls()
