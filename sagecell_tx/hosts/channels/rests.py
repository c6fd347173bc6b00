"""Rests between two reads of a kernel's stream, so that many messages are passed on together.

What a kernel sends soon after a request is read at once. If it goes on sending, each read is followed by a rest: to wake
those who get its messages costs more than a message.
"""

from __future__ import annotations

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sagecell_tx.hosts.channels.bytestream import Pausable

#: Reads from the kernel, after something was sent to it, that no rest follows.
PROMPT = 50

#: Seconds of a rest, and the bytes in two reads from which on no rest follows: there may be as many more.
REST = 0.001
MUCH = 32 * 1024


@define
class RequestCount:
    """How often something was sent to a kernel, on whichever channel."""

    count: int = 0


@define(eq=False)
class Rests:
    """The rests of `stream`, whose kernel is sent `requests`."""

    clock: IReactorTime
    stream: Pausable
    requests: RequestCount
    _answered: int = field(default=-1, init=False)  # requests at the last read
    _prompt: int = field(default=PROMPT, init=False)  # reads that no rest follows
    _previous: int = field(default=0, init=False)  # the bytes of the last read
    _rest: IDelayedCall | None = field(default=None, init=False)

    def read(self, length: int) -> None:
        """So many bytes were read: rest, if it is time to."""
        if self._answered != self.requests.count:
            self._answered, self._prompt = self.requests.count, PROMPT
        if self._prompt:
            self._prompt -= 1
        elif self._previous + length < MUCH:
            self.stream.pause("rest")
            self._rest = self.clock.callLater(REST, self.stream.resume, "rest")
        self._previous = length

    def stop(self) -> None:
        """Rest no more. Harmless if repeated."""
        if self._rest is not None and self._rest.active():
            self._rest.cancel()
