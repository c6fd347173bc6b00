"""Messages that clients have begun to send over WebSockets: their time, and the memory they take.

A message is kept until it is handled, and one that never ends would be kept for ever. So each has
to come at a least rate, as bodies of requests have (`connections/timeouts.py`), and those of one
address may take `MOST` bytes together.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sagecell_tx.http.connections.timeouts import GRACE, RATE
from sagecell_tx.http.transports.dispatch import MESSAGE_TOO_BIG, POLICY_VIOLATION

#: Bytes that the messages of one address may have together until they are handled.
MOST = 64 * 2**20

#: Closes with a code, a word and a sentence.
Refuse = Callable[[int, str, str], None]

_TOO_LATE = (POLICY_VIOLATION, "message_timeout", "The message did not arrive in time.")
_TOO_MUCH = (
    MESSAGE_TOO_BIG,
    "messages_too_big",
    f"Unfinished messages of your address have more than {MOST >> 20} MiB.",
)


@define(kw_only=True)
class AddressMemory:
    """What the messages of all connections take until they are handled, by address."""

    most: int = MOST
    _taken: dict[str, dict[IncomingMessages, int]] = field(factory=dict, init=False)
    _refusing: bool = field(default=False, init=False)

    def take(self, who: str, messages: IncomingMessages, size: int) -> None:
        """Those of one connection take so many bytes now. Where it is too much, the longest go."""
        taken = self._taken.setdefault(who, {})
        taken[messages] = size
        if not size:
            del taken[messages]
        if not taken:
            del self._taken[who]
        elif not self._refusing:  # who is refused takes less, which is told here as well
            self._refusing = True
            try:
                self._refuse_longest(taken)
            finally:
                self._refusing = False

    def _refuse_longest(self, taken: dict[IncomingMessages, int]) -> None:
        while sum(taken.values()) > self.most:
            # Those that have come are about to be handled.
            longest = max(taken, key=lambda each: each.unfinished)
            if not longest.unfinished:
                return
            longest.refuse_all(*_TOO_MUCH)


@define(kw_only=True, eq=False)
class IncomingMessages:
    """What one connection brings. `unhandled` gives the bytes of messages that have come.

    `refuse` tells the client why nothing more is kept; it is called once at most.
    """

    clock: IReactorTime
    memory: AddressMemory
    who: str  # whose the connection is
    unhandled: Callable[[], int]
    refuse: Refuse
    unfinished: int = field(default=0, init=False)  # bytes of the message that has begun
    _began: float | None = field(default=None, init=False)  # when that was seen first
    _taken: int = field(default=0, init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)
    _over: bool = field(default=False, init=False)

    def note(self, begun: int | None) -> None:
        """There is no more to read for now: a message has begun with so many bytes, or none has."""
        if self._over:
            return
        if begun is not None:
            if self._began is None:
                self._began = self.clock.seconds()
            if self._timer is None:
                self._timer = self.clock.callLater(GRACE, self._check)
        self.unfinished = begun or 0
        self.settle()

    def finish(self) -> None:
        """The end of a message has come. What comes now is another one."""
        self._began, self.unfinished = None, 0

    def settle(self) -> None:
        """Perhaps a message was handled."""
        taken = self.unfinished + self.unhandled()
        if taken != self._taken:
            self._taken = taken
            self.memory.take(self.who, self, taken)

    def refuse_all(self, code: int, word: str, sentence: str) -> None:
        """Keep nothing more, and tell the client why."""
        self.stop()
        self.refuse(code, word, sentence)

    def stop(self) -> None:
        """Nothing more is kept; what has come is still to be handled, and `settle` called after."""
        self._over = True
        self.finish()
        self.settle()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        """The time for a message may be over, unless it has ended meanwhile."""
        self._timer = None
        if self._began is None:
            return
        left = GRACE + self.unfinished / RATE - (self.clock.seconds() - self._began)
        if left > 0:
            self._timer = self.clock.callLater(left, self._check)
        else:
            self.refuse_all(*_TOO_LATE)
