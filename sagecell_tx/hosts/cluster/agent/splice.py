"""Joins a stream of TLS with one of a kernel's sockets."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sagecell_tx.hosts.channels.bytestream import ByteStream, OpenStream
from sagecell_tx.hosts.channels.rests import RequestCount, Rests
from sagecell_tx.hosts.cluster.connections.stream import TlsStream

#: Seconds between two attempts to connect to the socket of a program that does not listen yet.
AGAIN = 0.05


@define(kw_only=True, eq=False)
class Splice:
    """A stream of TLS, `far`, joined with a kernel's socket number `port`, which `open_near` opens.

    While `is_starting` returns true, a socket that takes no connection yet is tried again. What one
    side does not take keeps the other from being read. What comes from the far side counts among the
    `requests` to the kernel; if the kernel goes on sending without one, there are rests between two reads.
    """

    clock: IReactorTime
    port: int
    open_near: OpenStream
    is_starting: Callable[[], bool]
    requests: RequestCount
    far: TlsStream = field(init=False)
    _near: ByteStream | None = field(default=None, init=False)
    _rests: Rests | None = field(default=None, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.far = TlsStream(self._from_far, self._far_closed)

    def begin(self) -> None:
        """Connect to the kernel's socket, and begin to read both. The far side has its transport."""
        self._next = None
        try:
            near = self.open_near(self.port, self._from_near, self._near_closed)
        except OSError:
            if self.is_starting():
                self._next = self.clock.callLater(AGAIN, self.begin)
            else:
                self.far.close()
            return
        self._near, self._rests = near, Rests(self.clock, near, self.requests)
        near.other, self.far.other = self.far, near
        self.far.read()
        near.read()

    def close(self) -> None:
        """Close both sides at once. Harmless if repeated."""
        if self._next is not None and self._next.active():
            self._next.cancel()
        self.far.close()
        if self._rests is not None:
            self._rests.stop()
        if self._near is not None:
            self._near.close()

    def _from_far(self, data: bytes) -> None:
        assert self._near is not None, "the far side is read only once there is a near one"
        self.requests.count += 1
        self._near.write(data)

    def _from_near(self, data: bytes) -> None:
        assert self._rests is not None, "the near side is read only when it is joined"
        self.far.write(data)
        self._rests.read(len(data))

    def _far_closed(self) -> None:
        self.close()

    def _near_closed(self) -> None:
        """The kernel has closed its socket: its last words are still to be sent."""
        self.far.close_when_written()
