"""Those who listen to one kernel, each at their own pace.

What is told waits in the outbox until everybody has taken it. While too much waits, the
kernel is held; whoever then takes nothing for too long is let go, so that nobody keeps the
kernel and the others waiting for ever.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from sagecell_tx.config import Limits
from sagecell_tx.sessions.interfaces import Listener
from sagecell_tx.sessions.outbox import Cursor, Outbox
from sagecell_tx.sessions.valve import Valve
from sagecell_tx.wire.messages import Message

_log = Logger()


@define(eq=False)
class Seat:
    """One listener's place in the audience."""

    listener: Listener
    cursor: Cursor
    last_take: float  # when it took something, or came
    waiting: bool = field(default=True, init=False)  # took all there was


@define(kw_only=True)
class Audience:
    """The listeners. `deserted` is called when the last one has left."""

    kernel_id: str
    clock: IReactorTime
    limits: Limits
    valve: Valve
    deserted: Callable[[], None]
    _outbox: Outbox = field(init=False)
    _seats: list[Seat] = field(factory=list, init=False)
    _watch: IDelayedCall | None = field(default=None, init=False)
    _closed: str | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._outbox = Outbox(self.limits.outbox)

    def __len__(self) -> int:
        return len(self._seats)

    def __contains__(self, seat: object) -> bool:
        return seat in self._seats

    @property
    def closed(self) -> bool:
        """Nothing more will be told."""
        return self._closed is not None

    @property
    def waiting(self) -> int:
        """Bytes that wait to be taken."""
        return self._outbox.waiting

    def come(self, listener: Listener) -> Seat:
        """Let `listener` take part."""
        seat = Seat(listener, self._outbox.open(), self.clock.seconds())
        self._seats.append(seat)
        if self._outbox.full or self.closed:
            self._watch_for_stalls()
        return seat

    def leave(self, seat: Seat) -> None:
        """Let a listener go. A second time changes nothing."""
        if seat not in self._seats:
            return
        self._seats.remove(seat)
        self._outbox.close(seat.cursor)
        self._ease()
        if not self._seats:
            self._abridge()
            self.deserted()

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
            self._wake()
            self._watch_for_stalls()
            self._abridge()

    def _abridge(self) -> None:
        """Nobody is left who would take it all, and a session lives on in what refers to it."""
        if self.closed and not self._seats:
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
            self._watch = self.clock.callLater(self.limits.stalled, self._let_stalled_go)

    def _let_stalled_go(self) -> None:
        self._watch = None
        long_ago = self.clock.seconds() - self.limits.stalled
        for seat in list(self._seats):
            behind = self.closed or self._outbox.behind(seat.cursor)
            if behind and seat.last_take <= long_ago:
                _log.info("{kernel}: a listener takes nothing and is let go", kernel=self.kernel_id)
                self.leave(seat)
                self._reach(seat, seat.listener.close, "stalled")
        if self.closed or not self._outbox.drained:
            self._watch_for_stalls()
