"""Keeps many WebSockets connected in one thread: it reads what comes, and so answers the server's pings."""

from __future__ import annotations

import selectors
import threading
from collections.abc import Iterable

from attrs import define, field

from benchmarks.client import WebSocketTalk

#: Seconds for which the thread waits at most, so that it sees a new connection, and its end.
_TURN = 0.1


@define(eq=False)
class Attendant:
    """Reads the connections of idle clients. Each is either read here, or used by one other thread."""

    lost: int = field(default=0, init=False)  # connections that have ended while they were kept
    _selector: selectors.BaseSelector = field(factory=selectors.DefaultSelector, init=False)
    _kept: dict[int, WebSocketTalk] = field(factory=dict, init=False)  # by descriptor
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _over: bool = field(default=False, init=False)
    _thread: threading.Thread = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._thread = threading.Thread(target=self._read, name="attendant", daemon=True)
        self._thread.start()

    def keep(self, talk: WebSocketTalk) -> None:
        """Read this connection from now on, and throw away what it gets."""
        with self._lock:
            self._kept[talk.fileno()] = talk
            self._selector.register(talk.fileno(), selectors.EVENT_READ)

    def take(self, talk: WebSocketTalk) -> None:
        """Read it no more; harmless if it has ended."""
        with self._lock:
            if self._kept.get(talk.fileno()) is talk:
                self._forget(talk.fileno())

    def take_all(self, talks: Iterable[WebSocketTalk]) -> None:
        """The same of several."""
        for talk in talks:
            self.take(talk)

    def close(self) -> None:
        """End the thread; the connections stay."""
        self._over = True
        self._thread.join()
        self._selector.close()

    def _forget(self, descriptor: int) -> None:
        del self._kept[descriptor]
        self._selector.unregister(descriptor)

    def _read(self) -> None:
        while not self._over:
            for key, _ in self._selector.select(_TURN):
                with self._lock:
                    talk = self._kept.get(key.fd)
                    if talk is not None and not talk.attend():
                        self._forget(key.fd)
                        self.lost += 1
