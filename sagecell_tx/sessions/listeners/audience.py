"""Those who listen to one kernel, each at their own pace.

What is told waits in the outbox until everybody has taken it. While too much waits, the
kernel is held; whoever then takes nothing for too long is let go, so that nobody keeps the
kernel and the others waiting for ever. A regular that is let go, or cut off, may come back.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from sagecell_tx.limits import LifetimeLimits, MessageLimits
from sagecell_tx.sessions.interfaces import Listener
from sagecell_tx.sessions.listeners.flowcontrol import Valve
from sagecell_tx.sessions.listeners.messagelog import Cursor, Outbox
from sagecell_tx.sessions.listeners.resumable import Regular, Regulars
from sagecell_tx.wire.messages import Message

_log = Logger()

#: Why a listener is closed other than for the session's end: it took nothing, or acknowledged
#: nothing, for too long; or its client came again, on another connection.
STALLED = "stalled"
SUPERSEDED = "superseded"


@define(eq=False)
class Seat:
    """One listener's place in the audience."""

    listener: Listener
    cursor: Cursor
    last_take: float  # when it took or acknowledged something, or came
    regular: Regular | None = None
    waiting: bool = field(default=True, init=False)  # took all there was


@define(kw_only=True)
class Audience:
    """The listeners. `attended` is called when the first one comes, `deserted` when the last leaves.

    A regular is there until its absence is noticed.
    """

    kernel_id: str
    clock: IReactorTime
    lifetime: LifetimeLimits
    messages: MessageLimits
    valve: Valve
    attended: Callable[[], None]
    deserted: Callable[[], None]
    _outbox: Outbox = field(init=False)
    _regulars: Regulars = field(init=False)
    _seats: list[Seat] = field(factory=list, init=False)
    _watch: IDelayedCall | None = field(default=None, init=False)
    _closed: str | None = field(default=None, init=False)
    present: bool = field(default=False, init=False)  # somebody is there

    def __attrs_post_init__(self) -> None:
        self._outbox = Outbox(self.messages.message_log_bytes)
        self._regulars = Regulars(
            kernel_id=self.kernel_id,
            clock=self.clock,
            limits=self.lifetime,
            outbox=self._outbox,
            left=self._fewer,
        )

    def __contains__(self, seat: object) -> bool:
        return seat in self._seats

    @property
    def closed(self) -> bool:
        """Nothing more will be told."""
        return self._closed is not None

    @property
    def awaits(self) -> bool:
        """Somebody may come back for what was said."""
        return len(self._regulars) > 0

    @property
    def untold(self) -> bool:
        """Somebody who listens, or may come back, was not told everything."""
        cursors = [each.cursor for each in (*self._seats, *self._regulars)]
        return any(map(self._outbox.behind, cursors))

    @property
    def kept(self) -> int:
        """Bytes that wait to be taken."""
        return self._outbox.size

    def come(self, listener: Listener) -> Seat:
        """Let `listener` take part."""
        return self._sit(Seat(listener, self._outbox.open(), self.clock.seconds()))

    def come_back(self, listener: Listener, name: str, after: int | None) -> Seat:
        """Let the listener of a regular take part; see `Regulars.come`, also for what is raised.

        It takes the place of an older one of that name, which is closed as superseded.
        """
        regular = self._regulars.come(name, after)
        self._ease()
        older = regular.seat
        regular.seat = seat = Seat(listener, regular.cursor, self.clock.seconds(), regular)
        self._sit(seat)
        if older is not None:
            self._seats.remove(older)
            self._reach(older, older.listener.close, SUPERSEDED)
        return seat

    def look_in(self, name: str) -> int:
        """A regular is there without listening; gives the number that it goes on after."""
        regular = self._regulars.known_as(name)
        if regular.seat is None:
            self._regulars.go(regular)
        self._appear()
        return regular.cursor.kept - 1

    def _sit(self, seat: Seat) -> Seat:
        self._seats.append(seat)
        if self._outbox.full or self.closed:
            self._watch_for_stalls()
        self._appear()
        return seat

    def _appear(self) -> None:
        if not self.present:
            self.present = True
            self.attended()

    def leave(self, seat: Seat) -> None:
        """Let a listener go. A second time changes nothing."""
        if seat not in self._seats:
            return
        self._seats.remove(seat)
        if seat.regular is None:
            self._outbox.close(seat.cursor)
        else:
            self._regulars.go(seat.regular)
        self._fewer()

    def leave_for_good(self, seat: Seat) -> None:
        """Let a listener go that has everything it was told and does not come back."""
        self.leave(seat)
        regular = seat.regular
        if regular is not None and regular.seat is None:
            self._outbox.acknowledge(seat.cursor, seat.cursor.place - 1)
            self._regulars.forget(regular)

    def _fewer(self) -> None:
        """There are fewer listeners, or fewer who may come back."""
        self._ease()
        if self.present and not self._seats and not self._regulars.about:
            self.present = False
            self.deserted()
        self._abridge()

    def acknowledge(self, seat: Seat, number: int) -> None:
        """What a listener took up to `number` has arrived; raises `NotSaid`."""
        if seat in self._seats:
            self._outbox.acknowledge(seat.cursor, number)
            seat.last_take = self.clock.seconds()
            self._ease()

    def take(self, seat: Seat, room: int) -> list[Message]:
        """The next messages for a listener, which is closed when there will be none."""
        if seat not in self._seats:
            return []
        messages = self._outbox.take(seat.cursor, room)
        seat.waiting = not messages
        if messages:
            seat.last_take = self.clock.seconds()
            self._ease()
        elif self._closed is not None:
            self.leave(seat)
            seat.listener.close(self._closed)
        return messages

    def tell(self, *messages: Message) -> None:
        """Everybody is to hear `messages`; nobody does after the close."""
        if not messages or self.closed:
            return
        for message in messages:
            self._outbox.append(message)
        self._wake()
        if self._outbox.full:
            self.valve.hold("outbox")
            self._watch_for_stalls()

    def close(self, reason: str) -> None:
        """Nothing more will be told. Listeners are closed once they have taken everything."""
        if self._closed is None:
            self._closed = reason
            self._regulars.stop_waiting()
            self._wake()
            self._watch_for_stalls()
            self._abridge()

    def _abridge(self) -> None:
        """Nobody is left who would take it all, and a session lives on in what refers to it."""
        if self.closed and not self._seats and not self.awaits:
            self._outbox.abridge()

    def _wake(self) -> None:
        for seat in list(self._seats):
            if seat.waiting and seat in self._seats:
                self._reach(seat, seat.listener.wake)

    def _reach(self, seat: Seat, call: Callable[..., None], *args: object) -> None:
        """Call a listener; one that fails takes no further part, and the others go on."""
        try:
            call(*args)
        except Exception:
            _log.failure("{kernel}: a listener failed", kernel=self.kernel_id)
            self.leave(seat)

    # --- those who take nothing

    def _ease(self) -> None:
        """Less may be waiting now, or fewer may be listening."""
        drained = self._outbox.drained
        if drained:
            self.valve.release("outbox")
        if self._watch is not None and (not self._seats or (drained and not self.closed)):
            self._watch.cancel()
            self._watch = None

    def _watch_for_stalls(self) -> None:
        if self._watch is None and self._seats:
            self._watch = self.clock.callLater(self.messages.stalled_seconds, self._let_stalled_go)

    def _let_stalled_go(self) -> None:
        self._watch = None
        long_ago = self.clock.seconds() - self.messages.stalled_seconds
        for seat in list(self._seats):
            behind = (
                self.closed or self._outbox.behind(seat.cursor) or self._outbox.keeps(seat.cursor)
            )
            if behind and seat.last_take <= long_ago:
                _log.info("{kernel}: a listener takes nothing and is let go", kernel=self.kernel_id)
                self.leave(seat)
                self._reach(seat, seat.listener.close, STALLED)
        if self.closed or not self._outbox.drained:
            self._watch_for_stalls()
