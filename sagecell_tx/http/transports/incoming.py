"""Limits the time and the memory of messages that arrive over WebSockets.

A message is kept until it is handled, and one that never ends would be kept forever. So each must
arrive at a minimum rate, like request bodies (`connections/timeouts.py`), and all messages of one
address may take `MOST` bytes together.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sagecell_tx.http.connections.timeouts import GRACE, RATE
from sagecell_tx.http.transports.dispatch import MESSAGE_TOO_BIG, POLICY_VIOLATION

#: Bytes of all messages of one address that are not handled yet.
MOST = 64 * 2**20

#: Closes a WebSocket with a close code, an error code and a sentence.
Refuse = Callable[[int, str, str], None]

_TOO_LATE = (POLICY_VIOLATION, "message_timeout", "The message did not arrive in time.")
_TOO_MUCH = (
    MESSAGE_TOO_BIG,
    "messages_too_big",
    f"The unfinished messages of your address take more than {MOST >> 20} MiB.",
)


@define(kw_only=True)
class AddressMemory:
    """The memory of all connections' messages that are not handled yet, by address."""

    most: int = MOST
    _taken: dict[str, dict[IncomingMessages, int]] = field(factory=dict, init=False)
    _refusing: bool = field(default=False, init=False)

    def take(self, who: str, messages: IncomingMessages, size: int) -> None:
        """One connection's messages take `size` bytes now; refuse the longest if it is too much."""
        taken = self._taken.setdefault(who, {})
        taken[messages] = size
        if not size:
            del taken[messages]
        if not taken:
            del self._taken[who]
        elif not self._refusing:  # a refusal frees memory, and calls this again
            self._refusing = True
            try:
                self._refuse_longest(taken)
            finally:
                self._refusing = False

    def _refuse_longest(self, taken: dict[IncomingMessages, int]) -> None:
        while sum(taken.values()) > self.most:
            # Complete messages are about to be handled.
            longest = max(taken, key=lambda each: each.unfinished)
            if not longest.unfinished:
                return
            longest.refuse_all(*_TOO_MUCH)


@define(kw_only=True, eq=False)
class IncomingMessages:
    """The messages that arrive on one connection.

    `unhandled` gives the bytes of complete messages that are not handled yet. `refuse` tells the
    client why nothing more is kept; it is called at most once.
    """

    clock: IReactorTime
    memory: AddressMemory
    who: str  # the name by which the client takes turns, usually its address
    unhandled: Callable[[], int]
    refuse: Refuse
    unfinished: int = field(default=0, init=False)  # bytes of the message that has begun
    _began: float | None = field(default=None, init=False)  # when that was seen first
    _taken: int = field(default=0, init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)
    _over: bool = field(default=False, init=False)

    def note(self, begun: int | None) -> None:
        """All received data is read; `begun` is the size of an unfinished message, if any."""
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
        """A message is complete; what arrives now is another one."""
        self._began, self.unfinished = None, 0

    def settle(self) -> None:
        """Update the memory; to be called when messages may have been handled."""
        taken = self.unfinished + self.unhandled()
        if taken != self._taken:
            self._taken = taken
            self.memory.take(self.who, self, taken)

    def refuse_all(self, code: int, word: str, sentence: str) -> None:
        """Keep nothing more, and tell the client why."""
        self.stop()
        self.refuse(code, word, sentence)

    def stop(self) -> None:
        """Keep nothing more. Complete messages are still handled, and `settle` is called after."""
        self._over = True
        self.finish()
        self.settle()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        """Refuse a message that is too slow; a longer one has more time."""
        self._timer = None
        if self._began is None:
            return
        left = GRACE + self.unfinished / RATE - (self.clock.seconds() - self._began)
        if left > 0:
            self._timer = self.clock.callLater(left, self._check)
        else:
            self.refuse_all(*_TOO_LATE)
