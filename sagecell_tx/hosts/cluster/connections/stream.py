"""One of a kernel's connections over TLS, in the form of the relays' streams.

Both ends have it: the web process for a relay, the agent for the splice to the kernel's socket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from sagecell_tx.hosts.channels.bytestream import Pausable


@implementer(IPushProducer)
@define(eq=False)
class TlsStream:
    """A `ByteStream` on a transport of TLS, which may come later: see `connect`.

    What arrives while it is paused is at most what was read at once, and is then passed on as one. `on_data` and `on_close` are
    as for a `UnixStream`. The protocol that has the transport calls `received`, or `arrived` and `deliver`, and `lost`.
    """

    _on_data: Callable[[bytes], None]
    _on_close: Callable[[], None]
    other: Pausable | None = field(default=None, init=False)
    _transport: Any = field(default=None, init=False)
    _unread_for: set[str] = field(factory=lambda: {"not begun"}, init=False)
    _is_read: bool = field(default=True, init=False)  # whether the transport reads
    _arrived: list[bytes] = field(factory=list, init=False)  # while paused
    _early: list[bytes] = field(factory=list, init=False)  # written before there was a transport
    _ending: bool = field(default=False, init=False)  # to be closed when written
    _lost: bool = field(default=False, init=False)  # the other end has closed
    _closed: bool = field(default=False, init=False)
    _delivering: bool = field(default=False, init=False)

    # --- ByteStream

    def read(self) -> None:
        """See `ByteStream.read`."""
        self.resume("not begun")

    def pause(self, why: str) -> None:
        """See `ByteStream.pause`."""
        self._unread_for.add(why)
        if self._is_read and self._transport is not None and not self._lost:
            self._is_read = False
            self._transport.pauseProducing()

    def resume(self, why: str) -> None:
        """See `ByteStream.resume`."""
        if why in self._unread_for:
            self._unread_for.remove(why)
            self.deliver()

    def write(self, data: bytes) -> None:
        """See `ByteStream.write`."""
        if self._closed or self._lost:
            return
        if self._transport is not None:
            self._transport.write(data)
            return
        self._early.append(data)
        if self.other is not None:
            self.other.pause("unwritten")

    def close_when_written(self) -> None:
        """See `ByteStream.close_when_written`."""
        self._ending = True
        if self._transport is not None and not self._closed and not self._lost:
            self._transport.unregisterProducer()
            self._transport.loseConnection()

    def close(self) -> None:
        """See `ByteStream.close`."""
        if self._closed:
            return
        self._closed = True
        self._arrived.clear()
        self._early.clear()
        if self._transport is not None and not self._lost:
            self._transport.unregisterProducer()
            self._transport.abortConnection()
        self._transport = None

    # --- for the protocol

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def connect(self, transport: Any) -> None:
        """Use `transport`, which is writable, from now on. Aborts it if this is closed already."""
        if self._closed:
            transport.abortConnection()
            return
        self._transport = transport
        transport.registerProducer(self, True)
        early, self._early = self._early, []
        for data in early:
            transport.write(data)
        if self._ending:
            self.close_when_written()
            return
        if early and self.other is not None:
            self.other.resume("unwritten")
        if self._unread_for:
            self._is_read = False
            transport.pauseProducing()

    def received(self, data: bytes) -> None:
        """Data has arrived."""
        self.arrived(data)
        self.deliver()

    def arrived(self, data: bytes) -> None:
        """As `received`, but `deliver` follows after some more."""
        if not self._closed:
            self._arrived.append(data)

    def lost(self) -> None:
        """The transport is closed, or there will be none."""
        if self._lost:
            return
        self._lost = True
        self._early.clear()
        if self.other is not None:
            self.other.resume("unwritten")
        self.deliver()

    def deliver(self) -> None:
        """Pass on what has arrived, as far as it is to be read; then read on, or tell the end."""
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._arrived and not self._unread_for:
                arrived, self._arrived = self._arrived, []
                self._on_data(arrived[0] if len(arrived) == 1 else b"".join(arrived))
        finally:
            self._delivering = False
        if self._closed or self._unread_for:
            return
        if self._lost:
            self.close()
            self._on_close()
        elif not self._is_read and self._transport is not None:
            self._is_read = True
            self._transport.resumeProducing()

    # --- IPushProducer: the transport says whether it takes more

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The transport has much unwritten."""
        if self.other is not None:
            self.other.pause("unwritten")

    def resumeProducing(self) -> None:  # noqa: N802
        """The transport takes more."""
        if self.other is not None and not self._closed:
            self.other.resume("unwritten")

    def stopProducing(self) -> None:  # noqa: N802
        """The transport is closed; `lost` follows."""
