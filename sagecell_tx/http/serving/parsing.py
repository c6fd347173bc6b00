"""Reading what clients send: what is long is parsed in a thread, and nobody but its sender waits.

Python's parsers hold the interpreter while they run, so a thread alone would not do: what they
are given is bounded first (`wire/formwire.py`, `wire/jsonbounds.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredSemaphore, maybeDeferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

_log = Logger()

_T = TypeVar("_T")

#: What has so many bytes is long: a millisecond or two to parse, seldom ten.
LONG = 64 * 1024

#: Calls a function elsewhere; fires with what it gives.
Aside = Callable[[Callable[[], Any]], Deferred[Any]]


@define(kw_only=True)
class OneThread:
    """An `Aside` that takes one thread of a pool at a time: the others are for the database.

    What is cancelled before its turn is not called at all.
    """

    reactor: Any
    threads: Any  # a ThreadPool
    _turn: DeferredSemaphore = field(factory=lambda: DeferredSemaphore(1), init=False)

    def __call__(self, parse: Callable[[], Any]) -> Deferred[Any]:
        """See `Aside`."""
        told: Deferred[Any] = Deferred()

        def called() -> Deferred[Any] | None:
            if told.called:
                return None
            return deferToThreadPool(self.reactor, self.threads, parse)

        # Apart from what is handed out: a thread cannot be cancelled.
        self._turn.run(called).chainDeferred(told)
        return told


@define
class Parser:
    """Parses what is long `aside`, and what is short at once."""

    aside: Aside = maybeDeferred

    def parse(self, size: int, parse: Callable[[], _T]) -> Deferred[_T]:
        """Fires with what `parse` gives for its `size` bytes, or fails as it does.

        Cancelled, it fires at once, and the thread's work is lost.
        """
        return self.aside(parse) if size >= LONG else maybeDeferred(parse)


@define(kw_only=True, eq=False)
class Inbox:
    """What comes on one connection, heeded in its order.

    While something long is parsed, no more is taken from the client: `pause` is called before
    it and `resume` after it. What has come by then waits.
    """

    parser: Parser
    pause: Callable[[], None]
    resume: Callable[[], None]
    size: int = field(default=0, init=False)  # bytes that are not heeded yet
    _waiting: deque[tuple[int, Callable[[], Deferred[None]]]] = field(factory=deque, init=False)
    _busy: bool = field(default=False, init=False)

    def put(
        self,
        size: int,
        parse: Callable[[], _T],
        heed: Callable[[_T], None],
        refuse: Callable[[Failure], None],
    ) -> None:
        """Heed what `parse` gives, once everything before it is heeded; or `refuse` its failure."""

        def read() -> Deferred[None]:
            return self.parser.parse(size, parse).addCallbacks(heed, refuse)

        self.size += size
        self._waiting.append((size, read))
        if not self._busy:
            self._go_on()

    def _go_on(self) -> None:
        self._busy = True
        while self._waiting:
            size, begin = self._waiting.popleft()
            read = begin()
            read.addErrback(lambda failure: _log.failure("heeding what a client sent", failure))
            if not read.called:
                self.pause()
                read.addCallback(self._read, size)
                return
            self.size -= size
        self._busy = False

    def _read(self, _: None, size: int) -> None:
        self.size -= size
        self.resume()
        self._go_on()
