"""Messages between the web process and an agent: JSON objects, one a line, and beats.

Whoever sends a line that is too long or no JSON object is disconnected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from zope.interface import implementer

from sagecell_tx.hosts.cluster.facts import PROTOCOL
from sagecell_tx.wire.messages import WireError, dump, parse_object

#: The longest line, in bytes, without its end.
LONGEST = 64 * 1024

#: The longest first line of a connection, which comes before anybody is known.
LONGEST_FIRST = 1024

#: Seconds between two beats, each way.
BEAT = 0.5

#: Seconds of silence after which an agent ends the kernels of a web process, and after which the
#: web process tells their users: when nothing of them is left.
AGENTS_PATIENCE = 3.0
WEBS_PATIENCE = 4.0


def speaks_ours(greeting: Mapping[str, Any]) -> bool:
    """Whether a greeting has this version of the protocol."""
    version = greeting.get("protocol")
    return type(version) is int and version == PROTOCOL


def encode(**message: object) -> bytes:
    """One message, with the end of its line."""
    return dump(message) + b"\n"


@define
class LineReader:
    """Splits what arrives into messages. `longest` bounds the next line, in bytes."""

    longest: int = LONGEST
    _rest: bytes = field(default=b"", init=False)
    _begin: int = field(
        default=0, init=False
    )  # of the next line in it: to cut each off would copy all that follows

    def feed(self, data: bytes) -> None:
        """Add what has arrived."""
        self._rest, self._begin = self._rest[self._begin :] + data, 0

    def next(self) -> dict[str, Any] | None:
        """The next message; None if it is not there yet. Raises `WireError`."""
        begin = self._begin
        end = self._rest.find(b"\n", begin, begin + self.longest + 1)
        if end == -1:
            if len(self._rest) - begin > self.longest:
                raise WireError("line_too_long", f"A line has more than {self.longest} bytes.")
            return None
        self._begin = end + 1
        return parse_object(self._rest[begin:end])

    def rest(self) -> bytes:
        """All that has arrived after the last message."""
        rest = self._rest[self._begin :]
        self._rest, self._begin = b"", 0
        return rest


@define(kw_only=True, eq=False)
class Beats:
    """Sends beats, and notices when the other end is silent for `patience` seconds.

    `send` sends a beat, `silent` is called once. If this process, or its machine, was suspended
    meanwhile, beats may have arrived unread: then they are read before it is judged.
    """

    clock: IReactorTime
    patience: float
    send: Callable[[], None]
    silent: Callable[[], None]
    _heard: float = field(default=0.0, init=False)  # the time of the last sign of life
    _due: float = field(default=0.0, init=False)
    _was_late: bool = field(default=False, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)

    def start(self) -> None:
        """Begin, with a beat."""
        self.heard()
        self.send()
        self._wait()

    def heard(self) -> None:
        """Something has arrived."""
        self._heard = self.clock.seconds()

    def stop(self) -> None:
        """Send no more, and notice nothing. Harmless if repeated."""
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._next = None

    def _wait(self) -> None:
        self._due = self.clock.seconds() + BEAT
        self._next = self.clock.callLater(BEAT, self._beat)

    def _beat(self) -> None:
        self._next = None
        now = self.clock.seconds()
        was_late, self._was_late = self._was_late, now - self._due > BEAT
        if now - self._heard >= self.patience and (was_late or not self._was_late):
            self.silent()
            return
        self.send()
        self._wait()


@implementer(IPushProducer)
@define(kw_only=True, eq=False)
class UnreadWatch:
    """Notices when the other end does not read: what is sent to it is kept in memory until it does.

    `silent` is called once if `transport`, with which this is registered, has had much unwritten for `patience`
    seconds, and never none.
    """

    clock: IReactorTime
    patience: float
    silent: Callable[[], None]
    _waiting: IDelayedCall | None = field(default=None, init=False)

    def watch(self, transport: Any) -> None:
        """Begin."""
        transport.registerProducer(self, True)

    def stop(self) -> None:
        """Notice nothing any more. Harmless if repeated."""
        if self._waiting is not None and self._waiting.active():
            self._waiting.cancel()
        self._waiting = None

    # --- IPushProducer

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The transport has much unwritten."""
        if self._waiting is None:
            self._waiting = self.clock.callLater(self.patience, self.silent)

    def resumeProducing(self) -> None:  # noqa: N802
        """The transport has written all."""
        self.stop()

    def stopProducing(self) -> None:  # noqa: N802
        """The transport is closed."""
        self.stop()
