"""The addresses of names, as the system finds them."""

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
    """Knows the addresses of names."""

    def start(self) -> None:
        """Get ready."""

    def stop(self) -> None:
        """Give back what it takes."""

    def addresses(self, host: str) -> Deferred[list[str]]:
        """Fires with the addresses, best first; fails with OSError or ValueError."""


@frozen(kw_only=True)
class ThreadedResolver:
    """Looks names up in threads of its own.

    The system may take half a minute over a name, and whose names these are may see to that.
    The database must not wait for it.
    """

    reactor: Any
    threads: Any = field(factory=lambda: ThreadPool(0, THREADS, "names"))

    def start(self) -> None:
        """Have threads."""
        self.threads.start()

    def stop(self) -> None:
        """Let them go; blocks until the last name is looked up."""
        self.threads.stop()

    def addresses(self, host: str) -> Deferred[list[str]]:
        """See `Resolver.addresses`."""
        return deferToThreadPool(self.reactor, self.threads, _addresses, host)


def _addresses(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return list(dict.fromkeys(str(where[0]) for *_, where in found))
