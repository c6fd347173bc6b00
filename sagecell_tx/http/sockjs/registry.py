"""The open SockJS connections, by name, and the limits of their number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.http.sockjs.connection import MakeHandler, SockJSConnection
from sagecell_tx.limits import SockJSLimits


@define(kw_only=True)
class ConnectionCounts:
    """Counts connections, in total and by address, and enforces the limits."""

    limits: SockJSLimits
    by_address: Counter[str] = field(factory=Counter, init=False)

    def __len__(self) -> int:
        return self.by_address.total()

    def check(self, address: str) -> None:
        """Raises `Problem` if one more is too many. "" is a program on this machine."""
        most = self.limits.connections_per_address
        full = len(self) >= self.limits.connections
        if full or (address and 0 < most <= self.by_address[address]):
            raise Problem(
                429,
                "too_many_connections",
                "There are too many SockJS connections. Please try again in a moment.",
                headers={"Retry-After": "5"},
            )

    def add(self, address: str) -> None:
        """Count one more, after `check`."""
        self.by_address[address] += 1

    def remove(self, address: str) -> None:
        """Count one less."""
        self.by_address[address] -= 1
        if not self.by_address[address]:
            del self.by_address[address]


@define(kw_only=True)
class SockJSConnections:
    """The connections of one service; those over HTTP requests by the names that clients chose."""

    clock: IReactorTime
    limits: SockJSLimits
    stalled: float  # seconds after which a client that reads nothing is disconnected
    make_handler: MakeHandler
    counts: ConnectionCounts
    _by_name: dict[str, SockJSConnection] = field(factory=dict, init=False)

    def find(self, name: str, address: str) -> SockJSConnection | None:
        """The connection with that name, if `address` opened it: names can be guessed."""
        connection = self._by_name.get(name)
        return connection if connection is not None and connection.address == address else None

    def has(self, name: str) -> bool:
        """Whether there is a connection with that name, whoever opened it."""
        return name in self._by_name

    def find_or_open(self, name: str, address: str) -> SockJSConnection:
        """The same, or a new one. Raises `Problem` for one of another address, or one too many."""
        if name not in self._by_name:
            self._by_name[name] = self.open(address, lambda: self._by_name.pop(name))
        connection = self.find(name, address)
        if connection is None:
            raise Problem(404, "not_found", "This connection was opened from another address.")
        return connection

    def open(self, address: str, on_end: Callable[[], object] = lambda: None) -> SockJSConnection:
        """A connection without a name, as WebSockets have. Raises `Problem` for one too many."""
        self.counts.check(address)
        self.counts.add(address)

        def ended() -> None:
            self.counts.remove(address)
            on_end()

        return SockJSConnection(
            clock=self.clock,
            limits=self.limits,
            stalled=self.stalled,
            make_handler=self.make_handler,
            on_end=ended,
            address=address,
        )
