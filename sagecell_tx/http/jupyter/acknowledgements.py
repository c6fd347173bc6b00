"""Pings, whose answers tell how far a Jupyter client has read, and whether it is there at all.

Jupyter's clients acknowledge nothing, but every WebSocket client answers a ping with the ping's payload. So
the payload is the number of the last message before it, and the pong acknowledges the messages up to
that. A ping is sent

    after `ACKNOWLEDGED_BYTES` of messages      so that the log does not fill up
    `ACKNOWLEDGED_SECONDS` after a message      so that little is repeated when the connection is cut
    each `ping_seconds`                         so that a client that has vanished is noticed

Source: RFC 6455, section 5.5.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: Bytes of messages after which a ping is sent: a small part of what may be unacknowledged.
ACKNOWLEDGED_BYTES = 256 * 1024

#: The longest time from a message to a ping. What is sent and not acknowledged when a connection is cut comes
#: again, so this is short; but a ping and its answer cost as much as sending a message or two.
ACKNOWLEDGED_SECONDS = 0.005

_NUMBER = re.compile(rb"[0-9]{1,15}")


@define(kw_only=True, eq=False)
class Acknowledgements:
    """The pings to one client.

    `send` writes a ping with this payload. `acknowledge` is called with the number of each message that has
    arrived, unless the client is not `resumable`. `lost` is called when the answers to `misses` pings in
    a row, one each `seconds`, have not come.
    """

    clock: IReactorTime
    seconds: float
    misses: int
    resumable: bool
    send: Callable[[bytes], None]
    acknowledge: Callable[[int], None]
    lost: Callable[[], None]
    _written: int = field(default=0, init=False)  # the number of the last message
    _bytes: int = field(default=0, init=False)  # of messages since the last ping
    _asked: int = field(default=0, init=False)  # the number in the last ping
    _missed: int = field(default=0, init=False)
    _beat: IDelayedCall | None = field(default=None, init=False)
    _soon: IDelayedCall | None = field(default=None, init=False)

    def begin(self, number: int) -> None:
        """The client continues after the message `number`."""
        self._written = self._asked = number
        self._beat = self.clock.callLater(self.seconds, self._regular)

    def stop(self) -> None:
        """The connection has ended."""
        for timer in (self._beat, self._soon):
            if timer is not None and timer.active():
                timer.cancel()

    def wrote(self, number: int, size: int) -> None:
        """All messages up to `number` are written, of `size` bytes since the last call."""
        if not self.resumable or number == self._written:
            return
        self._written = number
        self._bytes += size
        if self._bytes >= ACKNOWLEDGED_BYTES:
            self._ping()
        elif self._soon is None:
            self._soon = self.clock.callLater(ACKNOWLEDGED_SECONDS, self._in_time)

    def answered(self, payload: bytes) -> None:
        """A pong has come; one that repeats no ping of ours is ignored."""
        if not _NUMBER.fullmatch(payload) or int(payload) > self._asked:
            return
        self._missed = 0
        if self.resumable:
            self.acknowledge(int(payload))

    def _in_time(self) -> None:
        self._soon = None
        if self._written > self._asked:
            self._ping()

    def _regular(self) -> None:
        if self._missed >= self.misses:
            self.lost()
            return
        self._missed += 1
        self._beat = self.clock.callLater(self.seconds, self._regular)
        self._ping()

    def _ping(self) -> None:
        self._asked, self._bytes = self._written, 0
        self.send(b"%d" % self._asked)
