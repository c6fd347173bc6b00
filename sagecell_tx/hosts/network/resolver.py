"""Looks up the addresses of host names with the system's resolver."""

from __future__ import annotations

import socket
from typing import Any, Protocol

from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

#: Names that are looked up at a time.
THREADS = 8


class Resolver(Protocol):
    """Looks up the addresses of host names."""

    def start(self) -> None:
        """Acquire what lookups need. Called before the first one."""

    def stop(self) -> None:
        """Release what `start` acquired."""

    def addresses(self, host: str) -> Deferred[list[str]]:
        """Fires with the addresses, best first; fails with OSError or ValueError."""


@frozen(kw_only=True)
class ThreadedResolver:
    """Looks names up in separate threads.

    The owner of a name can make a lookup take half a minute, so lookups must not occupy the threads
    that the database uses.
    """

    reactor: Any
    threads: Any = field(factory=lambda: ThreadPool(0, THREADS, "names"))

    def start(self) -> None:
        """Start the threads."""
        self.threads.start()

    def stop(self) -> None:
        """Stop the threads; blocks until the lookups under way have ended."""
        self.threads.stop()

    def addresses(self, host: str) -> Deferred[list[str]]:
        """See `Resolver.addresses`."""
        return deferToThreadPool(self.reactor, self.threads, _addresses, host)


def _addresses(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return list(dict.fromkeys(str(where[0]) for *_, where in found))
