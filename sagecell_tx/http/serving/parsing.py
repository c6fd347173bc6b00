"""Parses what clients send: long input in a thread, so that only its sender waits.

Python's parsers hold the interpreter lock while they run, so a thread alone does not help: their
input is bounded first (`wire/formwire.py`, `wire/jsonbounds.py`).
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

#: Input of so many bytes is long: it takes a millisecond or two to parse, rarely ten.
LONG = 64 * 1024

#: Calls a function, possibly in a thread; fires with its result.
Aside = Callable[[Callable[[], Any]], Deferred[Any]]


@define(kw_only=True)
class OneThread:
    """An `Aside` that uses one thread of a pool at a time: the others are for the database.

    A call that is cancelled before its turn is not made.
    """

    reactor: Any
    threads: Any  # a ThreadPool
    _turn: DeferredSemaphore = field(factory=lambda: DeferredSemaphore(1), init=False)

    def __call__(self, parse: Callable[[], Any]) -> Deferred[Any]:
        """See `Aside`."""
        result: Deferred[Any] = Deferred()

        def called() -> Deferred[Any] | None:
            if result.called:
                return None
            return deferToThreadPool(self.reactor, self.threads, parse)

        # The caller gets a Deferred of its own, as the thread cannot be cancelled.
        self._turn.run(called).chainDeferred(result)
        return result


@define
class Parser:
    """Parses long input by `aside`, and short input at once."""

    aside: Aside = maybeDeferred

    def parse(self, size: int, parse: Callable[[], _T]) -> Deferred[_T]:
        """Fires with the result of `parse`, whose input has `size` bytes, or fails as it does.

        When cancelled it fires at once; the thread's result is discarded.
        """
        return self.aside(parse) if size >= LONG else maybeDeferred(parse)


@define(kw_only=True, eq=False)
class Inbox:
    """Parses and handles the messages of one connection, in order.

    While a long message is parsed, or one is handled in several turns, no more is received from the
    client: `pause` is called before it and `resume` after it. Messages that were received by then
    wait.
    """

    parser: Parser
    pause: Callable[[], None]
    resume: Callable[[], None]
    size: int = field(default=0, init=False)  # bytes that are not handled yet
    _waiting: deque[tuple[int, Callable[[], Deferred[None]]]] = field(factory=deque, init=False)
    _busy: bool = field(default=False, init=False)

    def put(
        self,
        size: int,
        parse: Callable[[], _T],
        handle: Callable[[_T], Deferred[None] | None],
        refuse: Callable[[Failure], None],
    ) -> None:
        """Parse after all earlier messages, then `handle` the result or `refuse` the failure.

        If `handle` returns a Deferred, later messages wait for it.
        """

        def read() -> Deferred[None]:
            return self.parser.parse(size, parse).addCallbacks(handle, refuse)

        self.size += size
        self._waiting.append((size, read))
        if not self._busy:
            self._go_on()

    def _go_on(self) -> None:
        self._busy = True
        while self._waiting:
            size, begin = self._waiting.popleft()
            read = begin()
            read.addErrback(lambda failure: _log.failure("cannot handle a message", failure))
            if not read.called or read.paused:
                self.pause()
                read.addCallback(self._read, size)
                return
            self.size -= size
        self._busy = False

    def _read(self, _: None, size: int) -> None:
        self.size -= size
        self.resume()
        self._go_on()
